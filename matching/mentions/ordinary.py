"""Ordinary text: what has the letters of a term and is something else, judged in the original text.

Order of rules:

1. A term of kind `domain` is that host and its subdomains, and nothing that only contains its letters. In an
   e-mail address it is the domain of somebody's address (`Nature.ADDRESS`). A longer host with all of it
   (`my-kelbridge.example`, `kelbridge.example.evil.test`) is a look-alike, if the domain's own label has five
   letters or more: `quant-x.com` has nothing to do with `x.com`.
2. A half of a word that was divided at a line's end is no name, nor is the end of a word with a modifier
   letter (`Geʻez`) or of a contraction (`don't mobile` is not T Mobile). A first half may be a name if it has
   five letters or a capital: `Kelbridge-⏎based`.
3. A word wholly of another script is a word of that script, for terms of less than five letters.
4. Marks make another word (`gặp` is not Gap), for terms of up to five letters.
5. Hexadecimal (`1c8c`), a variable (`$print`) and a numeronym (`a11y`) are no names.
6. A term that begins or ends with a digit is not a part of a time, version, date or number, nor `¾` or `③`.
7. A Han term of two or three characters is not a part of common words of Chinese or Japanese (`han_words`).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cache, lru_cache

from matching.mentions.han_words import is_han, is_other_han_word, may_be_other_han_word
from matching.mentions.spellings import FILE_ENDINGS
from text.folding import fold_few

_WHOLE_WORD = 5  # letters from which a word wholly in another script is a disguise
_MARKED = 6  # letters from which marks are a disguise
_FILE_ENDINGS = re.compile(FILE_ENDINGS, re.IGNORECASE)
_NEXT_ENDINGS = re.compile(rf"{FILE_ENDINGS}|\d{{2,4}}|part\d{{1,3}}", re.IGNORECASE)  # `.7z.001`
_LABELS_BEHIND = re.compile(r"(?:\.[a-z0-9][a-z0-9-]*)+", re.IGNORECASE)
_DOT = re.compile(r" ?(?:[\[({【] ?(?:\.|dot|点) ?[\])}】]|\\\.) ?", re.IGNORECASE)  # defanged
_HOST_BEFORE = re.compile(r"[^\W_][-‐‑]+\Z|[0-9]\Z")
_HOST_AFTER = re.compile(
    rf"(?![-‐‑][\w-]*\.(?:{FILE_ENDINGS})\b(?!\.[a-z]))[-‐‑]+[^\W_]|@[^\W_]", re.IGNORECASE
)
_DIVIDED = re.compile(r"([^\W\d_])[-‐‑\xad][ \t]*\r?\n[ \t]*\Z")
_HYPHENS = ("-", "‐", "‑", "\xad")
_REST_OF_WORD = re.compile(r"[-‐‑\xad][ \t]*\r?\n[ \t]*[^\W\d_]")
_HEXADECIMAL = re.compile("[0-9a-f]+", re.IGNORECASE)
_HEXADECIMAL_LETTERS = re.compile("[a-f]{2,}", re.IGNORECASE)
_TOKEN_BEFORE = re.compile(r"[0-9a-z]*\Z", re.IGNORECASE)
_TOKEN_AFTER = re.compile(r"[0-9a-z]*", re.IGNORECASE)
_NUMERONYM = re.compile(r"[a-z]\d\d?[a-z]", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(r"(?:\d[:.,/\-‐‑]|[\\+#])\Z")
_NUMBER_AFTER = re.compile(r"[:.,/\-‐‑]\d")
_LOOKALIKE = 5  # letters of a domain's first label from which another host that contains it is a look-alike
_HOST_GOES_ON = re.compile(r"[-‐‑][^\W_][\w-]*\.[a-z0-9]", re.IGNORECASE)
_AT = r"@|%(?:25)?40|&#64;|&#x40;|&commat;|\\u0040|\\x40|=40| ?[\[({]at[\])}] ?"
_ADDRESS_BEFORE = re.compile(rf"[\w+%'-](?:{_AT})(?:[\w-]+\.)*\Z", re.IGNORECASE)
_BESIDE = 80  # characters looked at on each side
_HOST = 255  # characters that a host's name can have
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


@dataclass(frozen=True, slots=True, eq=False)
class TermFacts:
    """What the rules have to know of a term."""

    kind: str
    letters: int
    label: int  # letters and digits before the first dot
    scripts: frozenset[str]
    characters: frozenset[str]  # in NFC, small
    in_addresses: bool  # whether a domain counts in e-mail addresses
    han: str  # the folded term, if rule 7 is about it; else empty

    @classmethod
    def of(cls, text: str, kind: str, *, in_addresses: bool = True) -> "TermFacts":
        characters = frozenset(unicodedata.normalize("NFC", text.lower()))
        scripts = frozenset(_script(each) for each in characters if each.isalpha())
        label = sum(map(str.isalnum, text.split(".", 1)[0]))
        letters = sum(map(str.isalnum, text))
        folded = fold_few(text)
        han = folded if is_han(folded) and may_be_other_han_word(folded) else ""
        return cls(kind, letters, label, scripts, characters, in_addresses, han)


class Nature(StrEnum):
    """What a mention is: the name itself, or one of two things that are signals of their own."""

    NAMED = "named"
    ADDRESS = "address"  # the domain of somebody's e-mail address
    LOOKALIKE = "lookalike"  # another host, whose name contains the domain


def nature_of(facts: TermFacts, text: str, start: int, end: int, *, swapped: bool) -> Nature | None:
    """Return what text[start:end] is, which reads as the term; None: something else. `swapped`: by leet."""
    if facts.kind == "domain" and _is_other_host(text, start, end):
        return Nature.LOOKALIKE if _is_lookalike(facts, text, start, end) else None
    if _is_ordinary(facts, text, start, end, swapped=swapped):
        return None
    if facts.kind != "domain" or not _ADDRESS_BEFORE.search(text[max(0, start - _BESIDE) : start]):
        return Nature.NAMED
    return Nature.ADDRESS if facts.in_addresses else None


def _is_ordinary(facts: TermFacts, text: str, start: int, end: int, *, swapped: bool) -> bool:
    written = text[start:end]
    if _is_end_of_word(text, start, written) or _is_first_half(facts, written, text, end):
        return True
    if swapped and _is_code(written):
        return True
    if facts.han and is_other_han_word(facts.han, text, start, end):
        return True
    reads_as = _reading(facts, written)
    if reads_as is _Reading.NAME:
        return False
    if reads_as is _Reading.OTHER:
        return True
    before, after = text[max(0, start - _BESIDE) : start], text[end : end + _BESIDE]
    return (
        _HEXADECIMAL_LETTERS.fullmatch(written) is not None and _is_hexadecimal(before, written, after)
    ) or (
        (written[0].isdigit() and _NUMBER_BEFORE.search(before) is not None)
        or (written[-1].isdigit() and _NUMBER_AFTER.match(after) is not None)
    )


class _Reading(Enum):
    """What a written form is by itself: the term, something else, or one of both by what stands beside it."""

    NAME = auto()
    OTHER = auto()
    OPEN = auto()


@lru_cache(4096)
def _reading(facts: TermFacts, written: str) -> _Reading:
    is_sign = len(written) == 1 and unicodedata.category(written) == "No"
    if is_sign or _is_other_word(facts, written) or _FLAG.fullmatch(written):
        return _Reading.OTHER
    is_open = _HEXADECIMAL_LETTERS.fullmatch(written) or written[0].isdigit() or written[-1].isdigit()
    return _Reading.OPEN if is_open else _Reading.NAME


def _is_other_host(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 3) : start]
    if _HOST_BEFORE.search(before) or _HOST_AFTER.match(text, end):
        return True
    labels = _LABELS_BEHIND.match(_DOT.sub(".", text[end : end + _HOST]))
    if labels is None:
        return False
    first, *more = labels[0][1:].split(".")
    # A file is named after the host (`kelbridge.example.sql`), or the next sentence begins without a blank.
    is_file = _FILE_ENDINGS.fullmatch(first) and all(_NEXT_ENDINGS.fullmatch(label) for label in more)
    is_sentence = not more and first[0].isupper() and not text[start:end].isupper() and first.isalpha()
    return not (is_file or is_sentence)


def _is_lookalike(facts: TermFacts, text: str, start: int, end: int) -> bool:
    """Return whether a host that is not the term's was made to be taken for it."""
    if facts.label < _LOOKALIKE or text[end : end + 1] == "@":
        return False
    return _HOST_AFTER.match(text, end) is None or _HOST_GOES_ON.match(text, end) is not None


def _is_end_of_word(text: str, start: int, written: str) -> bool:
    """Rule 2."""
    beside = text[start - 1 : start]
    if beside.isspace():
        first = max(0, start - _BESIDE)
        divided = _DIVIDED.search(text[first:start]) if text.find("\n", first, start) >= 0 else None
        return divided is not None and (written[0].islower() or (written.isupper() and divided[1].isupper()))
    if start < 2 or not text[start - 2].isalpha():
        return False
    is_contraction = beside in ("'", "’") and len(written) > 1 and not written[1].isalpha()
    return is_contraction or unicodedata.category(beside) == "Lm"


def _is_first_half(facts: TermFacts, written: str, text: str, end: int) -> bool:
    """Rule 2."""
    if text[end : end + 1] not in _HYPHENS or facts.letters >= _WHOLE_WORD or not written.islower():
        return False
    return _REST_OF_WORD.match(text, end) is not None


def _is_other_word(facts: TermFacts, written: str) -> bool:
    """Rules 3 and 4."""
    if written.isascii() and "LATIN" in facts.scripts:
        return False
    written = unicodedata.normalize("NFC", written)
    scripts = {_script(each) for each in written if each.isalpha()} - {""}
    is_short = facts.letters < _WHOLE_WORD and any(facts.scripts)
    if is_short and len(scripts) == 1 and scripts.isdisjoint(facts.scripts):
        return True
    if facts.letters >= _MARKED:
        return False
    return any(_has_mark(each) and each.lower() not in facts.characters for each in written)


@cache
def _script(letter: str) -> str:
    """Return LATIN, GREEK or CYRILLIC; empty for scripts without look-alikes, styled letters and signs."""
    name = unicodedata.name(letter, "").split(" ", 1)[0]
    return name if name in {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"} else ""


@cache
def _has_mark(letter: str) -> bool:
    """Whether it is a letter with a mark. The capital of the Turkish i is an i."""
    if letter.isascii() or letter == "İ" or not letter.isalpha():
        return False
    has_parts = len(unicodedata.normalize("NFD", letter)) > 1 and bool(_script(letter))
    return has_parts or " WITH STROKE" in unicodedata.name(letter, "")


def _is_code(written: str) -> bool:
    """Rule 5, for a term with a letter swapped."""
    if _HEXADECIMAL.fullmatch(written) or _NUMERONYM.fullmatch(written):
        return True
    signs = [at for at, each in enumerate(written) if not each.isalpha()]
    return signs in ([0], [len(written) - 1]) and written[signs[0]] in "$!|"


def _is_hexadecimal(before: str, written: str, after: str) -> bool:
    """Rule 5, for a term that itself could be hexadecimal: `2EE0`, `00 ee 1f`, `1c8c-dada-4e21`, `%EE`."""
    left = _TOKEN_BEFORE.search(before)
    right = _TOKEN_AFTER.match(after)
    token = (left[0] if left else "") + written + (right[0] if right else "")
    if not _HEXADECIMAL.fullmatch(token):
        return False
    if token != written:
        return not (token.isalpha() or (len(written) >= 4 and token.startswith(written)))
    neighbours = (before[-len(token) - 1 :][:-1], after[1 : len(token) + 1])
    if len(token) == 2 and before.endswith(("%", "=", "\\")):
        return True
    return any(
        len(each) == len(token) and _HEXADECIMAL.fullmatch(each) and not each.isalpha() for each in neighbours
    )
