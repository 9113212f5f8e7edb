"""Folding: one form for text and terms alike, with a way back to the original offsets.

Two tables, both a function of single code points, so that folding is a numpy `take` and never looks ahead:

- `mention_fold()`, for names. In this order: NFKD; drop marks (Mn, Me), format characters (Cf) and controls;
  casefold; homoglyphs to ASCII letters; traditional to simplified Chinese; every white space to one space.
- `narrow_fold()`, for identifiers. Full-width forms, foreign digits, dashes and spaces to ASCII; zero-width
  characters dropped. Letters keep their case and script: an e-mail address is not a name.

`fold_images` makes what is in them, `fold_tables` keeps it from one start to the next.

After the mention table, runs of spaces become one. `defanged` undoes `[.]`, `(dot)` and their kind.
Homoglyphs and leet are different things: `а` (Cyrillic) always reads as `a`, while `1` is a letter only
sometimes, so letter-digit swaps are a second pass (`terms`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from text.fold_tables import Images, fold_images

CodePoints = NDArray[np.uint32]
Origins = NDArray[np.int64]

BLOCK = 1 << 16  # code points folded at a time: the work arrays stay in the cache
_ALL = 0x110000
_DROP = _ALL  # an entry of the table: nothing comes out
_EXPAND = _ALL + 1  # from here on: _EXPAND + i means the i-th of `expansions`
_REPLACEMENT = 0xFFFD


class Folded:
    """Folded text with the way back, which is computed when first asked for: most texts hold no mention."""

    __slots__ = ("_data", "_fold", "_origin", "_original", "text")

    def __init__(self, text: str, original: str, fold: "Fold | None") -> None:
        """`fold` None: character i of the text is character i of the original."""
        self.text = text
        self._original = original
        self._fold = fold
        self._origin: Origins | None = None
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The text in UTF-8."""
        if self._data is None:
            self._data = self.text.encode()
        return self._data

    @property
    def is_original(self) -> bool:
        """Whether every character stands where it stood."""
        return self._fold is None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span in the original of folded characters start..end (end > start)."""
        if self._fold is None:
            return start, end
        if self._origin is None:
            self._origin = self._fold.origin(self._original)
        return int(self._origin[start]), int(self._origin[end - 1]) + 1


@dataclass(frozen=True, slots=True)
class Fold:
    """A table over all code points; call it on text."""

    table: CodePoints
    expansions: tuple[CodePoints, ...]
    squeeze: bool  # runs of spaces become one
    ascii_map: bytes = field(repr=False)
    ascii_drop: bytes = field(repr=False)

    def __call__(self, text: str) -> Folded:
        if text.isascii():
            out = text.encode("ascii").translate(self.ascii_map, self.ascii_drop).decode("ascii")
            same = len(out) == len(text)
        else:
            blocks = [self._block(block) for block in _blocks(text)]
            same = all(unchanged for _, unchanged in blocks)
            out = b"".join(folded.tobytes() for folded, _ in blocks).decode("utf-32-le")
        if self.squeeze and "  " in out:
            same, out = False, _squeezed(out)
        return Folded(out, text, None if same else self)

    def origin(self, text: str) -> Origins:
        """For each folded character the index of the character of `text` that it came from."""
        origins: list[Origins] = []
        spaces: list[NDArray[np.bool_]] = []
        for number, block in enumerate(_blocks(text)):
            out = self.table.take(block)
            source = np.repeat(np.arange(len(out)), self._sizes(out))
            origins.append(source + number * BLOCK)
            spaces.append(out[source] == 0x20)
        origin: Origins = np.concatenate(origins)
        if not self.squeeze:
            return origin
        space = np.concatenate(spaces)
        return origin[~np.concatenate(([False], space[1:] & space[:-1]))]

    def _block(self, block: CodePoints) -> tuple[CodePoints, bool]:
        """The folded block, and whether each character has exactly one image."""
        out = self.table.take(block, mode="clip")  # "clip" skips a bounds check that no str can fail
        if int(out.max()) < _DROP:
            return out, True
        many = out > _DROP
        if not many.any():
            return out[out != _DROP], False
        pieces = [self.expansions[code - _EXPAND] for code in out[many].tolist()]
        expanded = np.repeat(out, self._sizes(out))
        expanded[expanded >= _EXPAND] = np.concatenate(pieces)
        return expanded, False

    def _sizes(self, out: CodePoints) -> NDArray[np.int64]:
        """How many characters each entry of the table stands for."""
        sizes: NDArray[np.int64] = (out != _DROP).astype(np.int64)
        many = np.flatnonzero(out > _DROP)
        sizes[many] = [len(self.expansions[code - _EXPAND]) for code in out[many].tolist()]
        return sizes


def _blocks(text: str) -> Iterator[CodePoints]:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return (points[at : at + BLOCK] for at in range(0, len(points), BLOCK))


def _squeezed(text: str) -> str:
    while "  " in text:  # halves each run, so a run of a million takes twenty rounds
        text = text.replace("  ", " ")
    return text


# A dot written so that nobody can click on it, after folding. Each pattern runs only where its guard occurs,
# and begins with a literal or a set that `re` searches for quickly. Every quantifier is bounded.
_DEFANGED = (
    (tuple("[({<【"), re.compile(r"[\[({<【] ?(?:\. ?[\])}>】]?|(?:dot|点) ?[\])}>】]) ?")),  # [.] (dot) [.
    (tuple("])}>】"), re.compile(r"\.[\])}>】]")),
    (("\\",), re.compile(r"\\\.")),
    ((" .",), re.compile(r" \. ?(?=[a-z])")),
    (("dot",), re.compile(r"[ _-]dot[ _-](?=[a-z0-9])")),
)


class Defanged:
    """Folded text with its defanged dots made dots again; `text` and `span` as those of Folded."""

    __slots__ = ("_before", "_folded", "_shift", "data", "text")

    def __init__(self, folded: Folded, dots: list[tuple[int, int]]) -> None:
        """`dots`: the spans that become dots, in order."""
        self._folded = folded
        self._before: list[int] = []  # positions of the dots in `text`
        self._shift: list[int] = []  # how far what follows them moved
        pieces, at, shift = [], 0, 0
        for start, end in dots:
            if start < at:  # inside the one before
                continue
            pieces += [folded.text[at:start], "."]
            self._before.append(start - shift)
            at = end
            shift += end - start - 1
            self._shift.append(shift)
        self.text = "".join([*pieces, folded.text[at:]])
        self.data = self.text.encode()

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self._folded.span(self._place(start, start=True), self._place(end - 1, start=False) + 1)

    def _place(self, index: int, *, start: bool) -> int:
        """The index in the folded text; of a dot, that of its first or its last character."""
        number = bisect_right(self._before, index) - 1
        if number < 0:
            return index
        if start and self._before[number] == index:
            return index + (self._shift[number - 1] if number else 0)
        return index + self._shift[number]


def defanged(folded: Folded) -> Defanged | None:
    """None where nothing is defanged."""
    text, data = folded.text, folded.data
    dots = []
    for guards, pattern in _DEFANGED:
        if any(guard.encode() in data for guard in guards):  # bytes are searched quicker than wide strings
            dots += [_with_space(text, match.span()) for match in pattern.finditer(text)]
    return Defanged(folded, sorted(dots)) if dots else None


def _with_space(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """The span with the space before it, if there is one: `qudian [.] com`."""
    start, end = span
    return (start - 1, end) if text[start - 1 : start] == " " else span


@cache
def mention_fold() -> Fold:
    """The table for names, aliases, domains and brands."""
    return _build(fold_images("mention"), squeeze=True)


@cache
def narrow_fold() -> Fold:
    """The table for identifiers: only what the eye takes for the same ASCII character."""
    return _build(fold_images("narrow"), squeeze=False)


def _build(made: Images, *, squeeze: bool) -> Fold:
    table = np.arange(_ALL, dtype=np.uint32)
    ends = np.cumsum(made.sizes)
    one, many = made.sizes == 1, made.sizes > 1
    table[made.points[made.sizes == 0]] = _DROP
    table[made.points[one]] = made.characters[ends[one] - 1]
    table[made.points[many]] = _EXPAND + np.arange(np.count_nonzero(many))
    spans = zip(ends[many] - made.sizes[many], ends[many], strict=True)
    expansions = tuple(made.characters[start:end] for start, end in spans)
    table[0xD800:0xE000] = _REPLACEMENT  # lone surrogates have no UTF-8 form
    ascii_images = table[:128]
    drop = np.flatnonzero(ascii_images == _DROP).astype(np.uint8).tobytes()
    ascii_map = bytes(int(image) % 256 for image in ascii_images) + bytes(range(128, 256))
    return Fold(table, expansions, squeeze, ascii_map, drop)
