"""The rules of the two folds of `text.folding`: what each character becomes.

They come from two lists that other packages bring, from Unicode as Python knows it, and from the sets below.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from importlib import resources
from itertools import chain

Pair = tuple[int, str]  # a code point that changes, and its image

CONFUSABLES = ("confusable_homoglyphs", "confusables.json")  # a package, and the list in it
SIMPLIFIED = ("opencc", "dictionary/TSCharacters.txt")

# Only here do code points change (Unicode 16). The other ranges (ideographs, Hangul syllables, private use)
# are left out, which makes the table ten times faster to compute. Hangul stays composed.
_FOLDED_RANGES = (
    range(0x3400), range(0xA000, 0xAC00), range(0xD7B0, 0xE000), range(0xF900, 0x12000),
    range(0x13000, 0x14700), range(0x16A00, 0x17000), range(0x1B000, 0x20000),
    range(0x2F800, 0x2FA20), range(0xE0000, 0xE1000),
)  # fmt: skip

_WHITE = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# Letters by category that nobody can see: Hangul fillers and the blank Braille pattern.
_INVISIBLE = "\u115f\u1160\u3164\uffa0\u2800"
_DROPPED = frozenset({"Mn", "Me", "Cf", "Cc"})  # categories
_CHANGING = _DROPPED | {"So"}
_JAMO = frozenset(map(chr, range(0x1100, 0x1200)))  # `text.folding` composes them into syllables
_BORDER = "\U0010ffff"  # not a character: nothing folds to it, and nothing combines with it
_DOTS = "。｡．․"  # read as "." in a domain, as IDNA (UTS 46) does
_DASHES = "‐‑‒–—―−﹘﹣－"
# For names only. An em dash is punctuation between two words, so it is not a hyphen, but a colon.
_HYPHENS = "‐‑‒–−﹘﹣－⁃־֊"
_APOSTROPHES = "‘’‛ʹʻʼʽˈ′＇`´"
_QUOTES = "«»“”„‟‹›〝〞〟＂❝❞"
_STROKES = "丨丶灬"  # of Han, which stand between letters to disguise them
_SEPARATORS = "·•‧∙⋅・･‣◦→➔⇒" + _STROKES  # read as "*", as symbols and emoji are
_MARKS = "™℠"  # signs behind a name, not letters of it
_TATWEEL = "\u0640"
# Letters of other styles that have no decomposition, by their names in Unicode.
_STYLES = re.compile(
    "(?:LATIN LETTER SMALL CAPITAL|REGIONAL INDICATOR SYMBOL LETTER"
    "|(?:NEGATIVE (?:CIRCLED|SQUARED)|PARENTHESIZED) LATIN (?:CAPITAL|SMALL) LETTER) ([A-Z])"
)
# Look-alikes that the Unicode confusables list gives as two characters, or not at all.
_MORE_HOMOGLYPHS = dict(
    zip(
        "ηӏøłđðþħŧæœƒǥȿ∂",
        ["n", "l", "o", "l", "d", "d", "th", "h", "t", "ae", "oe", "f", "g", "s", "d"],
        strict=True,
    )
)


def mention_images() -> Iterator[Pair]:
    """Yield the images of the fold for names, aliases, domains and brands."""
    letters = _homoglyphs()
    simplified = _simplified()
    letters |= _punctuation()
    listed = frozenset((*letters, *simplified, *_DOTS, *_WHITE, *_INVISIBLE, _TATWEEL))
    changing = frozenset(
        _may_change(chain(*_FOLDED_RANGES, map(ord, sorted({*simplified, *_STROKES}))), listed)
    )
    for source in sorted(changing):
        image = _settled(source, letters, simplified, changing)
        if image != source:
            yield ord(source), image


def _may_change(points: Iterable[int], listed: Collection[str]) -> Iterator[str]:
    """Yield the characters that may have another image than themselves.

    Most characters stay, and are recognised by normalising all of them as one string: that makes the table
    twice as fast to compute.
    """
    characters = [chr(point) for point in points]
    whole = _BORDER.join(characters)
    decomposed, small = unicodedata.normalize("NFKD", whole).split(_BORDER), whole.casefold().split(_BORDER)
    for character, parts, folded in zip(characters, decomposed, small, strict=True):
        stays = character == parts == folded and character not in listed and not character.isspace()
        if not stays or unicodedata.category(character) in _CHANGING or _styled_letter(character):
            yield character


def _settled(
    source: str, letters: dict[str, str], simplified: dict[str, str], changing: frozenset[str]
) -> str:
    """Return one code point's image, folded again until it stays: folding a folded text changes nothing."""
    for _ in range(4):
        if changing.isdisjoint(source):
            break
        parts = _decomposed(source)
        source = "".join([_image(part, letters, simplified) for part in parts])
    return source


def _decomposed(source: str) -> str:
    """Return the NFKD form, except that Hangul stays composed and its single letters stay as they are."""
    if len(source) == 1 and (styled := _styled_letter(source)):
        return styled
    if source in _MARKS:
        return "*"
    parts = unicodedata.normalize("NFKD", source)
    if _JAMO.isdisjoint(parts):
        return parts
    composed = unicodedata.normalize("NFC", parts)
    return composed if _JAMO.isdisjoint(composed) else source


def _styled_letter(character: str) -> str | None:
    style = _STYLES.fullmatch(unicodedata.name(character, ""))
    return style[1].lower() if style else None


def _punctuation() -> dict[str, str]:
    """Return the hyphens, apostrophes, quotation marks and separators of names, each with its ASCII image."""
    images = (
        *(("-", _HYPHENS), ("'", _APOSTROPHES), ('"', _QUOTES), ("*", _SEPARATORS)),
        *((":", "—―"), (",", "、")),
    )
    return {character: image for image, characters in images for character in characters}


def _image(character: str, letters: dict[str, str], simplified: dict[str, str]) -> str:
    if character in _DOTS:
        return "."
    if character.isspace() or character in _WHITE:
        return " "
    category = unicodedata.category(character)
    if character in _INVISIBLE or character == _TATWEEL or category in _DROPPED:
        return ""
    if category == "So" and character != "\ufffd":
        return "*"
    folded = character.casefold()
    return "".join(letters.get(part) or simplified.get(part, part) for part in folded)


def _homoglyphs() -> dict[str, str]:
    """Casefolded letter -> the ASCII letter that it looks like, from the Unicode confusables.

    The small form decides, then the capital: a fold must not tell `В` from `в`, whatever each looks like.
    Only letters that have case are taken, and those of Lisu, which are Latin capitals, some of them turned:
    the list also pairs Han with kana, and `ا` with `l`.
    """
    data = json.loads(_packaged(CONFUSABLES))
    looks_like = {source: _ascii_letter(twins) for source, twins in data.items() if len(source) == 1}
    letters = dict(_MORE_HOMOGLYPHS)
    for source in data:
        small = source.casefold()
        if len(small) == 1 and not small.isascii() and _has_twin(small):
            twin = looks_like.get(small) or looks_like.get(small.upper())
            if twin:
                letters.setdefault(small, twin)
    return letters


def _has_twin(small: str) -> bool:
    return unicodedata.category(small) == "Ll" or unicodedata.name(small, "").startswith("LISU LETTER ")


def _ascii_letter(twins: list[dict[str, str]]) -> str | None:
    characters = (twin["c"] for twin in twins)
    letters = [each for each in characters if len(each) == 1 and each.isascii() and each.isalpha()]
    # Small letters first: a capital such as I looks like more characters than a small letter does.
    return min(letters, key=str.isupper).lower() if letters else None


def _simplified() -> dict[str, str]:
    """Traditional -> simplified, one character each; of several, OpenCC's first choice."""
    lines = _packaged(SIMPLIFIED).decode().splitlines()
    pairs = (line.split() for line in lines if line.strip())
    return {source: target for source, target, *_ in pairs if source != target}


def _packaged(source: tuple[str, str]) -> bytes:
    package, name = source
    return resources.files(package).joinpath(name).read_bytes()


def narrow_images() -> Iterator[Pair]:
    """Yield the images of the fold for identifiers: only what looks like the same ASCII character."""
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
