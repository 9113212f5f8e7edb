"""Folding: one form for text and terms alike, with a way back to the original offsets.

Two tables, both a function of single code points, so that folding is a numpy `take` and never looks ahead:

- `mention_fold()`, for names. In this order: NFKD; drop marks (Mn, Me), format characters (Cf) and controls;
  casefold; homoglyphs to ASCII letters; traditional to simplified Chinese; every white space to one space.
- `narrow_fold()`, for identifiers. Full-width forms, foreign digits, dashes and spaces to ASCII; zero-width
  characters dropped. Letters keep their case and script: an e-mail address is not a name.

After the mention table, runs of spaces become one. `defanged` undoes `[.]`, `(dot)` and their kind.
Homoglyphs and leet are different things: `а` (Cyrillic) always reads as `a`, while `1` is a letter only
sometimes, so letter-digit swaps are a second pass (`terms`).
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain

import numpy as np
from numpy.typing import NDArray

CodePoints = NDArray[np.uint32]
Origins = NDArray[np.int64]

BLOCK = 1 << 16  # code points folded at a time: the work arrays stay in the cache
_ALL = 0x110000
_DROP = _ALL  # an entry of the table: nothing comes out
_EXPAND = _ALL + 1  # from here on: _EXPAND + i means the i-th of `expansions`
_REPLACEMENT = 0xFFFD

# Code points whose folding is not the identity lie only here (Unicode 16). The rest (ideographs, Hangul
# syllables, private use) is left out: the table is built ten times quicker. Hangul stays composed.
_FOLDED_RANGES = (
    range(0x3400), range(0xA000, 0xAC00), range(0xD7B0, 0xE000), range(0xF900, 0x12000),
    range(0x13000, 0x14700), range(0x16A00, 0x17000), range(0x1B000, 0x20000),
    range(0x2F800, 0x2FA20), range(0xE0000, 0xE1000),
)  # fmt: skip

_WHITE = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# Letters by category that nobody can see: Hangul fillers and the blank Braille pattern.
_INVISIBLE = "\u115f\u1160\u3164\uffa0\u2800"
_DROPPED = frozenset({"Mn", "Me", "Cf", "Cc"})  # categories
_BORDER = "\U0010ffff"  # no character, nothing folds to it, and nothing combines with it
_DOTS = "。｡．․"  # read as "." in a domain, as IDNA (UTS 46) does
_DASHES = "‐‑‒–—―−﹘﹣－"
# Look-alikes that the Unicode confusables list gives as two characters, or not at all.
_MORE_HOMOGLYPHS = dict(
    zip("ηӏøłđħŧæœƒǥȿ", ["n", "l", "o", "l", "d", "h", "t", "ae", "oe", "f", "g", "s"], strict=True)
)


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
    return _build(_mention_images(), squeeze=True)


@cache
def narrow_fold() -> Fold:
    """The table for identifiers: only what the eye takes for the same ASCII character."""
    return _build(_narrow_images(), squeeze=False)


def _build(images: Iterable[tuple[int, str]], *, squeeze: bool) -> Fold:
    table = np.arange(_ALL, dtype=np.uint32)
    expansions: list[CodePoints] = []
    for point, image in images:
        if len(image) == 1:
            table[point] = ord(image)
        elif not image:
            table[point] = _DROP
        else:
            table[point] = _EXPAND + len(expansions)
            expansions.append(np.array([ord(character) for character in image], dtype=np.uint32))
    table[0xD800:0xE000] = _REPLACEMENT  # lone surrogates have no UTF-8 form
    ascii_images = table[:128]
    drop = np.flatnonzero(ascii_images == _DROP).astype(np.uint8).tobytes()
    ascii_map = bytes(int(image) % 256 for image in ascii_images) + bytes(range(128, 256))
    return Fold(table, tuple(expansions), squeeze, ascii_map, drop)


def _mention_images() -> Iterator[tuple[int, str]]:
    letters = _homoglyphs()
    simplified = _simplified()
    listed = frozenset((*letters, *simplified, *_DOTS, *_WHITE, *_INVISIBLE))
    folding = frozenset(_folding(chain(*_FOLDED_RANGES, sorted(map(ord, simplified))), listed))
    for source in sorted(folding):
        image = _settled(source, letters, simplified, folding)
        if image != source:
            yield ord(source), image


def _folding(points: Iterable[int], listed: Collection[str]) -> Iterator[str]:
    """The characters that may have another image than themselves. The others, which are most of them, are
    told all at once: the table is built twice as quickly.
    """
    characters = [chr(point) for point in points]
    whole = _BORDER.join(characters)
    decomposed, small = unicodedata.normalize("NFKD", whole).split(_BORDER), whole.casefold().split(_BORDER)
    for character, parts, folded in zip(characters, decomposed, small, strict=True):
        stays = character == parts == folded and character not in listed and not character.isspace()
        if not stays or unicodedata.category(character) in _DROPPED:
            yield character


def _settled(
    source: str, letters: dict[str, str], simplified: dict[str, str], folding: frozenset[str]
) -> str:
    """One code point's image, taken again until it stays: folding a folded text changes nothing."""
    for _ in range(4):
        if folding.isdisjoint(source):
            break
        parts = unicodedata.normalize("NFKD", source)
        source = "".join([_image(part, letters, simplified) for part in parts])
    return source


def _image(character: str, letters: dict[str, str], simplified: dict[str, str]) -> str:
    if character in _DOTS:
        return "."
    if character.isspace() or character in _WHITE:
        return " "
    if character in _INVISIBLE or unicodedata.category(character) in _DROPPED:
        return ""
    folded = character.casefold()
    return "".join(letters.get(part) or simplified.get(part, part) for part in folded)


def _homoglyphs() -> dict[str, str]:
    """Casefolded letter -> the ASCII letter that it looks like, from the Unicode confusables.

    The small form decides, then the capital: a fold must not tell `В` from `в`, whatever each looks like.
    Only letters that have case are taken: the list also pairs Han with kana, and `ا` with `l`.
    """
    data = json.loads(_packaged("confusable_homoglyphs", "confusables.json"))
    looks_like = {source: _ascii_letter(twins) for source, twins in data.items() if len(source) == 1}
    letters = dict(_MORE_HOMOGLYPHS)
    for source in data:
        small = source.casefold()
        if len(small) == 1 and not small.isascii() and unicodedata.category(small) == "Ll":
            twin = looks_like.get(small) or looks_like.get(small.upper())
            if twin:
                letters.setdefault(small, twin)
    return letters


def _ascii_letter(twins: list[dict[str, str]]) -> str | None:
    characters = (twin["c"] for twin in twins)
    found = [one for one in characters if len(one) == 1 and one.isascii() and one.isalpha()]
    return min(found, key=str.isupper).lower() if found else None  # a small letter says more than a capital


def _simplified() -> dict[str, str]:
    """Traditional -> simplified, one character each; of several, OpenCC's first choice."""
    lines = _packaged("opencc", "dictionary/TSCharacters.txt").splitlines()
    pairs = (line.split() for line in lines if line.strip())
    return {source: target for source, target, *_ in pairs if source != target}


def _packaged(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text("utf-8")


def _narrow_images() -> Iterator[tuple[int, str]]:
    for point in chain(*_FOLDED_RANGES):
        image = _narrowed(chr(point))
        if image is not None:
            yield point, image


def _narrowed(character: str) -> str | None:
    """None: the character stays."""
    if character.isascii():
        return None
    if character in _DASHES:
        return "-"
    if character in _DOTS:
        return "."
    category = unicodedata.category(character)
    if category == "Cf" or character in _INVISIBLE:
        return ""
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.digit(character))
    narrow = unicodedata.normalize("NFKC", character)
    return narrow if len(narrow) == 1 and "!" <= narrow <= "~" else None
