"""Folding: maps texts and watch terms to one form, and leads back to the places in the original text.

There are two tables. Both map single code points, so that folding is a numpy `take` and never looks ahead:

- `mention_fold()`, for names. In this order: NFKD; drop marks (Mn, Me), format characters (Cf) and controls;
  casefold; homoglyphs, small capitals and other styled letters to ASCII letters; typographic hyphens and
  apostrophes to ASCII; symbols and emoji to "*"; traditional to simplified Chinese; every white space to one
  space.
- `narrow_fold()`, for identifiers. Full-width forms, foreign digits, dashes and spaces to ASCII; zero-width
  characters dropped. Letters keep their case and script: an e-mail address is not a name.

`setup/fold_images.py` computes them at installation, `fold_tables` reads them.

After the mention table, Hangul that is written as single letters (NFD, as macOS writes names of files) is
composed to syllables, and runs of spaces become one space. `defanged` undoes `[.]`, `(dot)` and the like.
Homoglyphs and leet are different things: `а` (Cyrillic) always reads as `a`, while `1` is a letter only
sometimes, so letter-digit swaps are a second pass (`matching/mentions/terms.py`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from text.fold_tables import Images, fold_images

CodePoints = NDArray[np.uint32]
Origins = NDArray[np.int64]

BLOCK = 1 << 16  # code points folded at a time, so that the work arrays stay in the processor's cache
_ALL = 0x110000  # code points
# Entries of a table that are not code points:
DROP = _ALL  # the character is dropped
EXPAND = _ALL + 1  # EXPAND + i: the character becomes `expansions[i]`
_REPLACEMENT = 0xFFFD
# Hangul: a syllable is a leading consonant, a vowel and perhaps a trailing consonant (Unicode, section 3.12).
LEADS, VOWELS, TRAILS = range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3)
_SYLLABLES = 0xAC00
_SPACES = re.compile("  +")
_INSIDE_SYLLABLE = re.compile("[\u1160-\u11ff]+")


class Folded:
    """A folded text. The way back to the original is computed when it is first needed: most texts hold no
    mention.
    """

    __slots__ = ("_data", "_fold", "_origin", "_original", "text")

    def __init__(self, text: str, original: str, fold: "Fold | None") -> None:
        """`fold` is None where character i of the text is character i of the original."""
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
        """Whether every character is at its place in the original."""
        return self._fold is None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open span in the original of the folded characters start..end (end > start)."""
        if self._fold is None:
            return start, end
        if self._origin is None:
            self._origin = self._fold.origin(self._original)
        first, last = int(self._origin[start]), int(self._origin[end - 1]) + 1
        return first, end_of_syllable(self._original, last)

    def byte_spans(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the spans in the original of spans of `data`."""
        return _byte_spans(self, spans)


class FoldedText(Protocol):
    """What `Folded` is to its callers. The native library has another one."""

    @property
    def text(self) -> str: ...

    @property
    def data(self) -> bytes | memoryview: ...

    def span(self, start: int, end: int) -> tuple[int, int]: ...


def end_of_syllable(original: str, end: int) -> int:
    """Return where the syllable of Hangul ends whose letters before `end` are folded."""
    rest = _INSIDE_SYLLABLE.match(original, end)
    return rest.end() if rest else end


def _byte_spans(view: "FoldedText", spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    places: dict[int, int] = {}
    at = count = 0
    for offset in sorted({offset for span in spans for offset in span}):
        count += len(str(view.data[at:offset], "utf-8"))
        places[offset] = count
        at = offset
    return [view.span(places[start], places[end]) for start, end in spans]


@dataclass(frozen=True, slots=True)
class Fold:
    """A table over all code points. Calling it folds a text."""

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
            blocks = [self._fold_block(block) for _, block in _blocks(text)]
            same = all(unchanged for _, unchanged in blocks)
            out = b"".join(folded.tobytes() for folded, _ in blocks).decode("utf-32-le")
        if self.squeeze and "  " in out:
            same, out = False, _with_single_spaces(out)
        return Folded(out, text, None if same else self)

    def origin(self, text: str) -> Origins:
        """Return, for each folded character, the index of the character of `text` that it came from."""
        if text.isascii():
            return self._ascii_origin(text)
        origins: list[Origins] = []
        spaces: list[NDArray[np.bool_]] = []
        for at, block in _blocks(text):
            out = self.table.take(block)
            source = np.repeat(np.arange(len(out)), self._image_sizes(out))
            if (out > DROP).any():
                characters, kept = _with_syllables(self._expanded(out))
                source = source[kept]
            else:
                characters = out[out != DROP]
            origins.append(source + at)
            spaces.append(characters == 0x20)
        origin: Origins = np.concatenate(origins)
        if not self.squeeze:
            return origin
        space = np.concatenate(spaces)
        return origin[~np.concatenate(([False], space[1:] & space[:-1]))]

    def _ascii_origin(self, text: str) -> Origins:
        out = self.table[:128].take(np.frombuffer(text.encode("ascii"), np.uint8))
        origin: Origins = np.flatnonzero(out != DROP)
        if not self.squeeze:
            return origin
        space = out[origin] == 0x20
        return origin[~np.concatenate(([False], space[1:] & space[:-1]))]

    def _fold_block(self, block: CodePoints) -> tuple[CodePoints, bool]:
        """Return the folded block, and whether each character became exactly one."""
        out = self.table.take(block, mode="clip")  # skips the bounds check, which no str can fail
        if int(out.max()) < DROP:
            return out, True
        if not (out > DROP).any():
            return out[out != DROP], False
        return _with_syllables(self._expanded(out))[0], False

    def _expanded(self, out: CodePoints) -> CodePoints:
        pieces = [self.expansions[code - EXPAND] for code in out[out > DROP].tolist()]
        expanded = np.repeat(out, self._image_sizes(out))
        expanded[expanded >= EXPAND] = np.concatenate(pieces)
        return expanded

    def _image_sizes(self, out: CodePoints) -> NDArray[np.int64]:
        """Return how many characters each entry of the table stands for."""
        sizes: NDArray[np.int64] = (out != DROP).astype(np.int64)
        many = np.flatnonzero(out > DROP)
        sizes[many] = [len(self.expansions[code - EXPAND]) for code in out[many].tolist()]
        return sizes


def _blocks(text: str) -> Iterator[tuple[int, CodePoints]]:
    """Yield the text in blocks, each with its place. No border is inside a Hangul syllable."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    at = 0
    while at < len(points):
        end = at + BLOCK
        while end < len(points) and 0x1160 <= points[end] < 0x1200:
            end += 1
        yield at, points[at:end]
        at = end


def _with_syllables(characters: CodePoints) -> tuple[CodePoints, NDArray[np.bool_]]:
    """Return the characters with their Hangul composed, and which of them are left."""
    kept = np.ones(len(characters), np.bool_)
    vowels = 1 + np.flatnonzero(_in(characters[1:], VOWELS) & _in(characters[:-1], LEADS))
    if not vowels.size:
        return characters, kept
    composed = characters.copy()
    trails = vowels[vowels + 1 < len(characters)] + 1
    trails = trails[_in(characters[trails], TRAILS)]
    leads = characters[vowels - 1] - LEADS.start
    composed[vowels - 1] = _SYLLABLES + 28 * (21 * leads + characters[vowels] - VOWELS.start)
    composed[trails - 2] += characters[trails] - TRAILS.start + 1
    kept[vowels] = kept[trails] = False
    return composed[kept], kept


def _in(characters: CodePoints, points: range) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (characters >= points.start) & (characters < points.stop)
    return inside


def _with_single_spaces(text: str) -> str:
    while "  " in text:  # each round halves every run: a run of a million spaces takes twenty
        text = text.replace("  ", " ")
    return text


# Ways to write a dot so that nobody can click on the domain, after folding. A pattern is searched for only
# where one of its guards occurs, and begins with a literal or a set, which `re` finds quickly. Every
# quantifier is bounded, so that hostile text costs no more than other text.
_DEFANGED = (
    (tuple("[({<【"), re.compile(r"[\[({<【] ?(?:\. ?[\])}>】]?|(?:dot|点) ?[\])}>】]) ?")),  # [.] (dot) [.
    (tuple("])}>】"), re.compile(r"\.[\])}>】]")),
    (("\\",), re.compile(r"\\\.")),
    ((" .",), re.compile(r" \. ?(?=[a-z])")),
    (("dot",), re.compile(r"[ _-]dot[ _-](?=[a-z0-9])")),
)


class Defanged:
    """A folded text in which defanged dots are dots again; `text` and `span` work as those of Folded."""

    __slots__ = ("_dots", "_folded", "_shift", "data", "text")

    def __init__(self, folded: FoldedText, dots: list[tuple[int, int]]) -> None:
        """`dots`: the spans that become dots, in their order."""
        self._folded = folded
        self._dots: list[int] = []  # places of the dots in `text`
        self._shift: list[int] = []  # by how many characters the text behind each dot moved
        pieces, at, shift = [], 0, 0
        for start, end in dots:
            if start < at:  # inside the previous span
                continue
            pieces += [folded.text[at:start], "."]
            self._dots.append(start - shift)
            at = end
            shift += end - start - 1
            self._shift.append(shift)
        self.text = "".join([*pieces, folded.text[at:]])
        self.data = self.text.encode()

    def byte_spans(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return _byte_spans(self, spans)

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self._folded.span(self._place(start, start=True), self._place(end - 1, start=False) + 1)

    def _place(self, index: int, *, start: bool) -> int:
        """Return the index in the folded text; for a dot, that of its first (`start`) or last character."""
        number = bisect_right(self._dots, index) - 1
        if number < 0:
            return index
        if start and self._dots[number] == index:
            return index + (self._shift[number - 1] if number else 0)
        return index + self._shift[number]


def defanged(folded: FoldedText) -> Defanged | None:
    """Return the text with its defanged dots undone; None where it has none."""
    text, data = folded.text, bytes(folded.data)
    dots = []
    for guards, pattern in _DEFANGED:
        if any(guard.encode() in data for guard in guards):  # faster to search than a wide str
            dots += [_with_space_before(text, match.span()) for match in pattern.finditer(text)]
    return Defanged(folded, sorted(dots)) if dots else None


def _with_space_before(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Widen the span by a space before it, if there is one: `qudian [.] com`."""
    start, end = span
    return (start - 1, end) if text[start - 1 : start] == " " else span


@cache
def mention_fold() -> Fold:
    """Return the fold for names, aliases, domains and brands. Raises TablesMissing."""
    return _fold_of(fold_images("mention"), squeeze=True)


def fold_few(text: str) -> str:
    """Fold a few characters for names, one by one, which is faster for so few. Hangul stays as it is."""
    folded = "".join(map(fold_one, text))
    return _SPACES.sub(" ", folded) if "  " in folded else folded


@lru_cache(1 << 16)
def fold_one(character: str) -> str:
    """Fold one character for names."""
    return mention_fold()(character).text


@cache
def narrow_fold() -> Fold:
    """Return the fold for identifiers: only look-alikes of an ASCII character. Raises TablesMissing."""
    return _fold_of(fold_images("narrow"), squeeze=False)


def _fold_of(images: Images, *, squeeze: bool) -> Fold:
    table = np.arange(_ALL, dtype=np.uint32)
    ends = np.cumsum(images.sizes)
    one, many = images.sizes == 1, images.sizes > 1
    table[images.points[images.sizes == 0]] = DROP
    table[images.points[one]] = images.characters[ends[one] - 1]
    table[images.points[many]] = EXPAND + np.arange(np.count_nonzero(many))
    spans = zip(ends[many] - images.sizes[many], ends[many], strict=True)
    expansions = tuple(images.characters[start:end] for start, end in spans)
    if squeeze:  # Hangul vowels are looked at again, in `_with_syllables`
        vowels = np.arange(VOWELS.start, VOWELS.stop, dtype=np.uint32)
        table[vowels] = EXPAND + len(expansions) + np.arange(len(vowels))
        expansions += tuple(vowels[:, None])
    table[0xD800:0xE000] = _REPLACEMENT  # lone surrogates have no UTF-8 form
    ascii_images = table[:128]
    drop = np.flatnonzero(ascii_images == DROP).astype(np.uint8).tobytes()
    ascii_map = bytes(int(image) % 256 for image in ascii_images) + bytes(range(128, 256))
    return Fold(table, expansions, squeeze, ascii_map, drop)
