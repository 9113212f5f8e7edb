"""The fold for names with names_fold.c. `text.folding.mention_fold` is the specification."""

import ctypes
import re
import sys
import threading
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.native.library import Library, LibraryMissing, NameFold, load_library
from text.folding import DROP, EXPAND, TRAILS, VOWELS, Fold, Folded, end_of_syllable, mention_fold

Bytes = NDArray[np.uint8]

_LIMIT = 1 << 29  # characters: places are 32 bits wide in the library
_CHECKPOINT, _LONGEST_IMAGE = 256, 64  # as in names_fold.c
_BEFORE, _BEHIND = 16, 64  # bytes of room around the folded text
_MOVED, _DOTTED, _ESCAPED = 1, 2, 4  # flags of spillwatch.h
_ASTRAL, _EXPANSION, _VOWEL, _TRAIL, _DOT_SIGN, _HALF_PAIR = range(
    4, 10
)  # kinds of an image, in its highest byte
_REWRITTEN_SIGNS = "\xad€£¢§¥"  # that `rewritten` looks for, beside those in ASCII
_DOT_SIGNS = "点【】"  # characters of three bytes in the patterns of `text.folding.defanged`
_MARK = np.dtype([("unit", "u4"), ("to", "u4"), ("pairs", "u4"), ("before", "u1", 4)])
_UTF_16 = f"utf-16-{sys.byteorder[0]}e"
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAKING_TABLE = threading.Lock()
_NO_BUFFER: Bytes = np.empty(0, np.uint8)
_BUFFERS: list[Bytes] = []  # that no text needs now
_ASCII, _PAIRED, _UNPAIRED = range(3)  # enum sw_width
_WORTH_SHARING = 1000  # characters
_MOST_KEPT, _LARGEST_KEPT = 4, 16 << 20  # buffers, bytes
_utf8 = ctypes.pythonapi.PyUnicode_AsUTF8AndSize
_utf8.restype, _utf8.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_void_p)
_address = ctypes.pythonapi.PyBytes_AsString
_address.restype, _address.argtypes = ctypes.c_void_p, (ctypes.py_object,)


class NativeFolded:
    """A text folded by the library; `text`, `data` and the spans are those of `text.folding.Folded`.

    `release` gives the memory back for the next text; nothing may be used afterwards.
    """

    __slots__ = (
        "_address",
        "_buffer",
        "_fold",
        "_leads",
        "_marks",
        "_original",
        "_text",
        "_units",
        "flags",
        "size",
    )

    def __init__(self, original: str, library_fold: "NativeFold") -> None:
        """Raises ValueError for a text that is too long for the library."""
        if len(original) > _LIMIT:
            raise ValueError(f"a text has {len(original)} characters; expected at most {_LIMIT}")
        self._original = original
        self._fold = library_fold
        self._units = _Units.of(original)
        self._text: str | None = None
        self._leads: NDArray[np.int64] | None = None
        self._buffer, self._marks, self.size, self.flags = library_fold.folded(self._units)

    @property
    def address(self) -> int:
        """Where the library finds the folded text, of `size` bytes."""
        return int(self._buffer.ctypes.data) + _BEFORE

    @property
    def data(self) -> memoryview:
        """The text in UTF-8."""
        return self._buffer.data[_BEFORE : _BEFORE + self.size]

    def release(self) -> None:
        _give_back(self._buffer)
        self._buffer = _NO_BUFFER

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = str(self.data, "utf-8")
        return self._text

    @property
    def may_be_defanged(self) -> bool:
        """Whether `text.folding.defanged` has to be asked."""
        return bool(self.flags & _DOTTED) and self._fold.has_dots(self.address, self.size)

    @property
    def may_be_escaped(self) -> bool:
        """Whether `text.escapes.undo` has to be asked."""
        return bool(self.flags & _ESCAPED)

    @property
    def may_be_rewritten(self) -> bool:
        """Whether `matching.mentions.rewriting.rewritten` has to be asked."""
        text = self._original
        is_wide = not text.isascii() and any(sign in text for sign in _REWRITTEN_SIGNS)
        return is_wide or self._fold.has_rewritten(self.address, self.size)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open span in the original of the folded characters start..end (end > start)."""
        if self._leads is None:
            self._leads = np.flatnonzero((np.frombuffer(self.data, np.uint8) & 0xC0) != 0x80)
        [span] = self.byte_spans([(int(self._leads[start]), int(self._leads[end - 1]) + 1)])
        return span

    def byte_spans(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the spans in the original of spans of `data`."""
        return list(zip(*self.places_of(np.array(spans, np.int64).reshape(-1, 2)), strict=True))

    def places_of(self, offsets: NDArray[np.int64]) -> tuple[list[int], list[int]]:
        """As `byte_spans`, for one span per row; return all starts and all ends. May write to `offsets`."""
        moved = bool(self.flags & _MOVED)
        if not moved and not self._units.wide:
            return offsets[:, 0].tolist(), offsets[:, 1].tolist()
        if moved:
            offsets[:, 1] -= 1  # the last byte, whose character may have become several
        unmoved = None if moved else self.address
        places = self._fold.places(self._units, self._marks, unmoved, offsets.reshape(-1)).reshape(-1, 2)
        starts, ends = places[:, 0].tolist(), places[:, 1].tolist()
        return starts, [end_of_syllable(self._original, end + 1) for end in ends] if moved else ends


class NativeFold:
    """The tables of the fold for the library."""

    def __init__(self, fold: Fold, library: Library) -> None:
        self._library = library
        self._images, self._expansions = _packed(fold)
        self._structure = NameFold(self._images.ctypes.data, self._expansions.ctypes.data)

    def __call__(self, text: str) -> NativeFolded:
        return NativeFolded(text, self)

    def folded(self, units: "_Units") -> tuple[NDArray[np.uint8], NDArray[np.void], int, int]:
        """Return the folded text with room around it, the marks, the text's size and its flags."""
        marks = np.empty(units.length // _CHECKPOINT + 1, _MARK)
        answer = (ctypes.c_uint32 * 2)()  # the flags, and the number of marks
        room = 3 * units.length + _CHECKPOINT * _LONGEST_IMAGE if units.wide else units.length
        while True:
            buffer = _taken_buffer(_BEFORE + room + _BEHIND)
            size = self._library.names_fold(
                ctypes.byref(self._structure),
                units.address,
                units.wide,
                units.length,
                buffer.ctypes.data + _BEFORE,
                room,
                marks.ctypes.data,
                answer,
            )
            if size >= 0:
                return buffer, marks[: answer[1]], int(size), answer[0]
            _give_back(buffer)
            room *= 2

    def places(
        self, units: "_Units", marks: NDArray[np.void], unmoved: int | None, offsets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return, for each offset in the folded text, the index of the character that it came from.

        `unmoved`: the address of the folded text, if each character became exactly one.
        """
        found = np.empty(len(offsets), np.int64)
        self._library.names_places(
            ctypes.byref(self._structure),
            units.address,
            units.wide,
            units.length,
            marks.ctypes.data,
            len(marks),
            unmoved,
            offsets.ctypes.data,
            len(offsets),
            found.ctypes.data,
        )
        return found

    def has_dots(self, address: int, size: int) -> bool:
        return bool(self._library.names_dotted(address, size))

    def has_rewritten(self, address: int, size: int) -> bool:
        return bool(self._library.names_rewritten(address, size))


def folded_text(text: str) -> Folded | NativeFolded:
    """Fold a text for names, by the library where it can. Raises TablesMissing."""
    if len(text) > _LIMIT:
        return mention_fold()(text)
    try:
        return native_name_fold()(text)
    except LibraryMissing:
        return mention_fold()(text)


def may_be_defanged(folded: Folded | NativeFolded) -> bool:
    """Return whether `text.folding.defanged` has to be asked."""
    return folded.may_be_defanged if isinstance(folded, NativeFolded) else True


def may_be_escaped(folded: Folded | NativeFolded) -> bool:
    """Return whether `text.escapes.undo` has to be asked."""
    return folded.may_be_escaped if isinstance(folded, NativeFolded) else True


def may_be_rewritten(folded: Folded | NativeFolded) -> bool:
    """Return whether `matching.mentions.rewriting.rewritten` has to be asked. Not after `release`."""
    return folded.may_be_rewritten if isinstance(folded, NativeFolded) else True


def native_name_fold() -> NativeFold:
    """Return the fold for names. Raises LibraryMissing, TablesMissing."""
    library = load_library()
    with _MAKING_TABLE:  # `functools.cache` lets two threads make the same table at once
        return _made(library)


@cache
def _made(library: Library) -> NativeFold:
    return NativeFold(mention_fold(), library)


class _Units(NamedTuple):
    """A text for the library: as ASCII, or in units of 16 bits (`wide`: enum sw_width)."""

    address: int
    length: int
    wide: int
    owner: str | bytes  # keeps the memory

    @classmethod
    def of(cls, text: str) -> "_Units":
        """A lone surrogate has no UTF-16 form; it is folded to U+FFFD."""
        if text.isascii():  # then it is its own UTF-8
            return cls(_utf8(text, None), len(text), _ASCII, text)
        if len(text) >= _WORTH_SHARING and type(text) is str and _has_plain_units(text):
            return cls(id(text) + _header_size(), len(text), _UNPAIRED, text)
        try:
            data = text.encode(_UTF_16)
        except UnicodeEncodeError:
            data = _SURROGATE.sub("\ufffd", text).encode(_UTF_16)
        return cls(_address(data), len(data) // 2, _PAIRED, data)


def _has_plain_units(text: str) -> bool:
    """Return whether CPython keeps the text in units of 16 bits behind its header (PEP 393).

    Then they need no copy. Nothing else has this size: a text in units of 8 bits, with a copy in UTF-8, would
    need to be ASCII for it.
    """
    header = _header_size()
    return header > 0 and sys.getsizeof(text) == header + 2 * (len(text) + 1)


@cache
def _header_size() -> int:
    """Return the size of the header of such a text; 0: this Python keeps them elsewhere."""
    if sys.implementation.name != "cpython":
        return 0
    probe = "".join(map(chr, range(0x4E00, 0x4E80)))  # a new object, which has no copy in UTF-8
    header = sys.getsizeof(probe) - 2 * (len(probe) + 1)
    units = ctypes.string_at(id(probe) + header, 2 * (len(probe) + 1)) if header > 0 else b""
    return header if units == (probe + "\0").encode(_UTF_16) else 0


def _taken_buffer(size: int) -> Bytes:
    """Return at least so many bytes. New memory takes longer to get than a text takes to be folded."""
    try:
        buffer = _BUFFERS.pop()
    except IndexError:
        return np.empty(size, np.uint8)
    return buffer if len(buffer) >= size else np.empty(size, np.uint8)


def _give_back(buffer: Bytes) -> None:
    if 0 < len(buffer) <= _LARGEST_KEPT and len(_BUFFERS) < _MOST_KEPT:
        _BUFFERS.append(buffer)


def _packed(fold: Fold) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the images for the library, by code point, and those of several characters."""
    if fold.table[:128].tolist() != [_ascii_image(point) for point in range(128)]:
        raise ValueError("the fold of ASCII is another one than that of names_fold.c")
    table = fold.table.astype(np.uint32)
    two, three = (table >= 0x80) & (table < 0x800), (table >= 0x800) & (table < 0x10000)
    images = np.where(table < 0x80, 1 << 24 | table, table | _ASTRAL << 24).astype(np.uint32)
    point = table[two]
    images[two] = 2 << 24 | (0x80 | point & 63) << 8 | 0xC0 | point >> 6
    point = table[three]
    images[three] = 3 << 24 | (0x80 | point & 63) << 16 | (0x80 | point >> 6 & 63) << 8 | 0xE0 | point >> 12
    images[np.isin(table, [ord(sign) for sign in _DOT_SIGNS])] = 0
    for sign in _DOT_SIGNS:
        images[table == ord(sign)] = _DOT_SIGN << 24 | ord(sign)
    images[table == DROP] = 0
    images[TRAILS.start : TRAILS.stop] = _TRAIL << 24 | table[TRAILS.start : TRAILS.stop]
    images[0xD800:0xE000] = _HALF_PAIR << 24
    tape = bytearray()
    for source in np.flatnonzero(table > DROP).tolist():
        expansion = fold.expansions[int(table[source]) - EXPAND]
        if source in VOWELS:
            images[source] = _VOWEL << 24 | source
            continue
        image = expansion.astype("<u4").tobytes().decode("utf-32-le").encode()
        if len(image) > _LONGEST_IMAGE:
            raise ValueError(f"U+{source:04X} becomes {len(image)} bytes; names_fold.c has {_LONGEST_IMAGE}")
        images[source] = _EXPANSION << 24 | len(tape)
        tape += bytes([len(image)]) + image
    return images, np.frombuffer(bytes(tape), np.uint8)


def _ascii_image(point: int) -> int:
    if chr(point).isspace():
        return 0x20
    if point < 0x20 or point == 0x7F:
        return DROP
    return ord("'") if chr(point) == "`" else ord(chr(point).lower())
