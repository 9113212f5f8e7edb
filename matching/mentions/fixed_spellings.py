"""Fixed spellings: the ways to write a whole name otherwise that are known beforehand.

As good as the name itself, and searched for in all spellings that `spellings` knows:

| term | also |
|---|---|
| `Quil & Marsh`, `Quil and Marsh` | `Quil&Marsh`, `Quil & Marsh`, `Quil and Marsh` |
| `"Quil Marsh"`, `Kwik!Cash` | without the signs |
| `ООО "Квиль"`, `Quil (UK), Ltd.` | without quotation marks, brackets and commas |

Searched for as they stand here (each with a blank, a dot or a hyphen where that is):

| term | also |
|---|---|
| `Quil & Marsh` | `Quil und Marsh`, `Quil et Marsh`, `Квиль и Марш` |
| `Банк Квиль`, `Quil Bank` | `Банк «Квиль»`, `"Quil" Bank` |
| `Quil Ltd` | `Quil, Ltd` |
| `QMB`, `Quil SA` | `Q.M.B.`, `Quil S.A.` |
| `QuilMarsh` | `Quil-Marsh`, `Quil_Marsh` |
| `Mühlquist` | `Muehlquist` |
"""

import re
import unicodedata
from collections.abc import Iterator

_QUOTES = " \"'‚‘()[]「」『』《》"  # around a name, and no part of it
_BARE_LETTERS = 3
_SIGNED_LETTERS = 5  # of a name with an exclamation mark that may be missing: `Kwik!Cash`
_QUOTED_WORDS = 4
_QUOTED_LETTERS = 3  # on both sides of a quotation mark
#: Words for `&`, with which companies are written and translated.
_AND_WORDS = ("and", "und", "et", "og", "och", "y", "e", "i", "en", "и", "ve")
_AND = re.compile(rf" (?:{'|'.join(_AND_WORDS)}|&) ")
_AND_LETTERS = 3  # of a name, on both sides: `hvem` is not `H & M` in Turkish
_AND_SIGNS = ("&", " &", "& ", " & ")
_INNER_SIGNS = re.compile(r"[\"()\[\],「」『』《》]+")
_SPACES = re.compile(" +")
_COMMA_FORMS = frozenset(("inc", "incorporated", "ltd", "limited", "llc", "llp", "plc", "corp", "co", "sa"))
_ACRONYM = re.compile(r"(?<![\w.&'-])[^\W\d_]{2,5}(?![\w.&'-])")
_LONE_ACRONYM = 3  # letters of a name that is one acronym
_HUMP = re.compile(r"(?<=[^\W\d_][^\W\d_])(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ][^\W\d_])")
_HUMPED_LETTERS = 6
#: Letters that have a spelling in ASCII, beside the one without marks (DIN 5007-2, Danish and Norwegian
#: usage). The fold writes `æ`, `œ` and `ß` in two letters already.
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


def close_spellings(folded: str) -> set[str]:
    """Return the folded name, and others that are as good."""
    return {folded, *_joined_by_and(folded), *_without_signs(folded)}


def exact_spellings(written: str, folded: str) -> set[str]:
    """Return ways to write the name that are to be folded, and then searched for as they are."""
    return {*_with_other_and(folded), *_quoted(folded), *_restyled(written)}


def _joined_by_and(folded: str) -> Iterator[str]:
    joined = re.sub(" ?& ?| and ", "&", folded)
    if "&" in joined[1:-1]:
        yield from (joined.replace("&", sign) for sign in (*_AND_SIGNS, " and "))


def _with_other_and(folded: str) -> Iterator[str]:
    parts = _AND.split(folded)
    if len(parts) == 2 and min(map(len, parts)) >= _AND_LETTERS:
        yield from (f" {word} ".join(parts) for word in (*_AND_WORDS, "&"))


def _without_signs(folded: str) -> Iterator[str]:
    """Yield the name without the signs around it and in it, if enough of it remains."""
    bare = folded.strip(_QUOTES).rstrip(".,").strip(_QUOTES)
    plain = _SPACES.sub(" ", _INNER_SIGNS.sub(" ", bare)).strip()
    yield from (each for each in (bare, plain) if sum(map(str.isalnum, each)) >= _BARE_LETTERS)
    if "!" in folded and sum(map(str.isalpha, folded)) >= _SIGNED_LETTERS:
        yield folded.rstrip("!").replace("!", " ")


def _quoted(folded: str) -> Iterator[str]:
    """Yield the name with its first or last words in quotation marks, and its legal form behind a comma."""
    words = folded.split(" ")
    if not 2 <= len(words) <= _QUOTED_WORDS or not all(map(str.isalnum, words)):
        return
    for count in range(1, len(words)):
        head, tail = " ".join(words[:count]), " ".join(words[count:])
        if min(len(head), len(tail)) >= _QUOTED_LETTERS:
            yield f'{head} "{tail}"'
            yield f'"{head}" {tail}'
    if words[-1] in _COMMA_FORMS:
        head = " ".join(words[:-1])
        yield f"{head}, {words[-1]}"
        yield f"{head}., {words[-1]}"  # `Co., Ltd`


def _restyled(written: str) -> Iterator[str]:
    """Yield the name with dots in its acronyms, with hyphens at its humps, and in the letters of ASCII."""
    dotted = _ACRONYM.sub(lambda found: _with_dots(found, written), written)
    if dotted != written:
        yield dotted.rstrip(".")
    small = unicodedata.normalize("NFC", written).lower()
    if small != small.translate(_TWO_LETTERS):
        yield small.translate(_TWO_LETTERS)
    if sum(map(str.isalpha, written)) >= _HUMPED_LETTERS and _HUMP.search(written):
        yield from (_HUMP.sub(sign, written) for sign in "-_")


def _with_dots(found: re.Match[str], written: str) -> str:
    letters = found[0]
    is_alone = letters == written.strip()
    if not letters.isupper() or (is_alone and len(letters) < _LONE_ACRONYM):
        return letters
    return "".join(f"{letter}." for letter in letters)
