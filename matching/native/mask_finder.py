"""Finds what is to be masked with masks.c. `matching.masks` is the specification.

The library reads one byte per character of the narrowed text: ASCII as it is, everything else as a class
(masks.h).
"""

import ctypes
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.native import rule_tables
from matching.native.library import Library, LibraryMissing, Rules, load_library
from text.folding import DROP, narrow_fold

_LIMIT = 1 << 29  # characters: places are 32 bits wide in the library
_OTHER_SIGN, _LETTER, _DIGIT, _SPACE, _OPENED, _CLOSED = range(0x80, 0x86)  # as in masks.h
_UNKNOWN, _DROPPED = 0xFE, 0xFF  # a character that no text had until now; one that the fold drops
_MOST_IDLE = 4  # searches that are kept for the next text
_IDLE: list[int] = []


class MaskKind(IntEnum):
    """What is masked; as in spillwatch.h."""

    EMAIL = 0
    NUMBER = 1
    PASSWORD = 2
    LABELLED_NUMBER = 3
    IBAN = 4
    WALLET = 5
    TRAVEL_DOCUMENT = 6
    LICENCE = 7
    NATIONAL_ID = 8
    SPELT_ADDRESS = 9


class PlacesToMask(NamedTuple):
    """Places in the narrowed text, in order. Only numbers have masks."""

    starts: list[int]
    ends: list[int]
    masks: list[str]

    @property
    def spans(self) -> list[tuple[int, int]]:
        return list(zip(self.starts, self.ends, strict=True))

    def masked(self) -> Iterator[tuple[int, int, str]]:
        """Yield each place with its mask."""
        return zip(self.starts, self.ends, self.masks, strict=True)


_NONE = PlacesToMask([], [], [])
_KINDS = tuple(MaskKind)
ALL_KINDS = sum(1 << kind for kind in MaskKind)
URL_KINDS = ALL_KINDS - (1 << MaskKind.LABELLED_NUMBER)  # what `mask_url` masks


def places_to_mask(text: str, kinds: int) -> dict[MaskKind, PlacesToMask]:
    """Return where a text has something to mask, by kind; `kinds`: ALL_KINDS or URL_KINDS.

    Raises LibraryMissing.
    """
    library = load_library()
    if len(text) > _LIMIT:
        raise LibraryMissing("the text is too long for the library")
    classes = text.encode("ascii") if text.isascii() else _classes(text).tobytes()
    search = _taken_search(library)
    try:
        found = library.mask(search, classes, len(classes), kinds)
        if found < 0:
            raise MemoryError
        if not found:
            return {}
        return {kind: _copied_places(library, search, kind) for kind in _KINDS if found >> kind & 1}
    finally:
        _give_back(library, search)


def _copied_places(library: Library, search: int, kind: MaskKind) -> PlacesToMask:
    if kind is MaskKind.SPELT_ADDRESS:
        return _NONE
    count, length = library.count(search, kind), library.tape_length(search, kind)
    places = np.empty(3 * count + 1, dtype=np.int64)  # starts, ends, offsets
    tape = np.empty(length, dtype=np.uint8)
    begin = places.ctypes.data
    library.take(search, kind, begin, begin + 8 * count, begin + 16 * count, tape.ctypes.data)
    numbers = places.tolist()
    starts, ends, offsets = numbers[:count], numbers[count : 2 * count], numbers[2 * count :]
    if not length:
        return PlacesToMask(starts, ends, [])
    written = tape.tobytes().decode("ascii")
    return PlacesToMask(starts, ends, [written[first:last] for first, last in pairwise(offsets)])


def _taken_search(library: Library) -> int:
    """Return a search of the library that nobody else uses: a signal's handler may mask a line of the log."""
    try:
        return _IDLE.pop()
    except IndexError:
        search: int | None = library.new(ctypes.byref(_rules()))
    if not search:
        raise MemoryError
    return search


def _give_back(library: Library, search: int) -> None:
    if len(_IDLE) < _MOST_IDLE:
        _IDLE.append(search)
    else:
        library.free(search)


def _rules() -> Rules:
    with rule_tables.MAKING_TABLES:
        return _tables()


@cache
def _tables() -> Rules:
    return Rules(
        provinces=rule_tables.provinces().ctypes.data,
        issuers=rule_tables.issuers().ctypes.data,
        ibans=rule_tables.ibans().ctypes.data,
    )


def _classes(text: str) -> NDArray[np.uint8]:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
    table = _class_table()
    classes: NDArray[np.uint8] = table.take(points)
    highest = int(classes.max())
    if highest < _UNKNOWN:
        return classes
    unknown = classes == _UNKNOWN
    if unknown.any():
        for point in set(points[unknown].tolist()):
            table[point] = _class_of(chr(point))
        classes = table.take(points)
    kept = classes != _DROPPED
    return classes if bool(kept.all()) else classes[kept]


@cache
def _class_table() -> NDArray[np.uint8]:
    """Return the classes of all code points; those of most are found out when a text has them."""
    narrow = narrow_fold().table
    table = np.full(len(narrow), _UNKNOWN, np.uint8)
    table[narrow < _OTHER_SIGN] = narrow[narrow < _OTHER_SIGN]
    table[narrow == DROP] = _DROPPED
    return table


def _class_of(character: str) -> int:
    if character in "【】":
        return _OPENED if character == "【" else _CLOSED
    if character.isspace():
        return _SPACE
    if character.isdecimal():
        return _DIGIT
    return _LETTER if character.isalnum() else _OTHER_SIGN
