"""Mentions: where a text names a watched company, alias, domain or brand.

All terms are one byte-wise automaton over the UTF-8 of the folded text (`text`). Order of rules for a hit:

1. A term's end that is a letter with case (Latin, Greek, Cyrillic ...) wants a boundary: `antiqudianism` does
   not name qudian. Han, kana, Hangul, Thai and other letters without case are no word characters, so
   `来源qudian数据` does. Digits may stand beside it (`qudian2024.sql`), unless a letter comes after
   them. An end that is a digit takes neither letter nor digit beside it.
2. A hit inside one of its term's exclusion phrases (国泰 in 国泰民安) is none.
3. Second pass, letter-digit swaps: `qud1an`. Only a letter of a term may be swapped, never a digit of it;
   half of the hit's letters must be letters still, and the term has four characters or more.

The same again on the text with its defanged dots undone, where there are any.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple, Protocol

from daachorse import DoubleArrayAhoCorasick

from matching.errors import TermRefused
from text.folding import defanged, mention_fold

TERM_LENGTH = 200  # characters of a term or of an exclusion phrase
MENTION_LIMIT = 500_000  # mentions that `find` returns of one text
_WINDOW = 1 << 20  # bytes scanned at a time: bounds the list of hits
_DIGITS_BESIDE = 32  # digits passed over beside a term in search of a letter

# What stands for a letter in leet. i and l share a class, as 1 and | stand for both.
_SWAPS = {
    "o": "0",
    "i": "1!|",
    "l": "1|",
    "e": "3",
    "a": "4@",
    "s": "5$",
    "t": "7",
    "b": "8",
    "g": "9",
    "z": "2",
}
_SWAPPED = "".join(_SWAPS.values()).encode()
_LEET = bytes.maketrans(b"01!|l34@5$7892", b"oiiiieaasstbgz")
_LEET_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class WatchTerm:
    id: int
    company_id: int
    text: str
    kind: str
    exclude: tuple[str, ...] = ()


class Mention(NamedTuple):
    """`start` and `end` are offsets in the original text, half open."""

    term_id: int
    start: int
    end: int


def folded_term(text: str) -> str:
    """The form of a term or a phrase that is searched for; raises TermRefused where nothing can be."""
    if len(text) > TERM_LENGTH:
        raise TermRefused(f"a term of {len(text)} characters; wanted: {TERM_LENGTH} at most")
    folded = mention_fold()(text).text.strip(" ")
    if not any(character.isalnum() for character in folded):
        raise TermRefused(
            f"the term {text!r} has no letter or digit left after folding, so it could not be "
            f"found; write a name, a domain or a brand"
        )
    return folded


def check_exclusions(text: str, exclude: Iterable[str]) -> None:
    """Raises TermRefused for an exclusion phrase that could never take effect."""
    folded = folded_term(text)
    for phrase in exclude:
        inside = folded_term(phrase)
        if folded not in inside or folded == inside:
            raise TermRefused(
                f"the exclusion {phrase!r} must be a longer phrase that contains the term {text!r}, "
                f"or it excludes nothing"
            )


@dataclass(slots=True)
class _Pattern:
    """What a hit of one pattern means; a pattern may be a term of some companies and a phrase of others."""

    folded: bytes
    terms: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)  # the terms that are no mention inside this phrase
    left: int = 0  # _FREE, _LETTER or _DIGIT
    right: int = 0


_FREE, _LETTER, _DIGIT = range(3)


def _edge(character: str) -> int:
    if character.isascii() and character.isdigit():
        return _DIGIT
    return _LETTER if _has_case(character) else _FREE


def _has_case(character: str) -> bool:
    return unicodedata.category(character) in {"Ll", "Lu", "Lt"}


class _View(Protocol):
    """Folded or Defanged."""

    @property
    def data(self) -> bytes: ...

    def span(self, start: int, end: int) -> tuple[int, int]: ...


class _Hit(NamedTuple):
    start: int  # bytes of the view's UTF-8
    end: int
    pattern: _Pattern


class Terms:
    """A set of terms, compiled: 100,000 in about a second. Searching hardly slows with their number."""

    def __init__(self, patterns: Sequence[_Pattern]) -> None:
        self._patterns = patterns
        self._overlap = max((len(pattern.folded) for pattern in patterns), default=0)
        self._plain = DoubleArrayAhoCorasick([pattern.folded for pattern in patterns])
        leet: dict[bytes, list[_Pattern]] = {}
        for pattern in patterns:
            if pattern.terms and _can_be_leet(pattern.folded):
                leet.setdefault(pattern.folded.translate(_LEET), []).append(pattern)
        self._leet = DoubleArrayAhoCorasick(list(leet))
        self._leet_patterns = list(leet.values())

    @classmethod
    def build(cls, terms: Sequence[WatchTerm]) -> "Terms":
        patterns: dict[str, _Pattern] = {}
        for term in terms:
            _pattern(patterns, folded_term(term.text)).terms.append(term.id)
            for phrase in term.exclude:
                _pattern(patterns, folded_term(phrase)).excluded.append(term.id)
        return cls(list(patterns.values()))

    def find(self, text: str, *, limit: int = MENTION_LIMIT) -> list[Mention]:
        """The mentions in order of their place, `limit` at most."""
        if not self._patterns:
            return []
        folded = mention_fold()(text)
        found = self._found(folded, limit)
        clickable = defanged(folded)
        if clickable is not None:
            found |= self._found(clickable, limit)
        return sorted(found, key=itemgetter(1, 2, 0))[:limit]

    def _found(self, view: _View, limit: int) -> set[Mention]:
        data = view.data
        hits: list[_Hit] = []
        with_swaps = len(data.translate(None, _SWAPPED)) != len(data)
        for at in range(0, len(data), _WINDOW):
            hits += self._window(data, at)
            if with_swaps:
                hits += self._swapped_window(data, at)
            if len(hits) >= limit:
                break
        return _mentions(hits, view) if hits else set()

    def _window(self, data: bytes, at: int) -> list[_Hit]:
        """Hits that start in one window, without those that a boundary or an exclusion phrase forbids."""
        low = max(0, at - self._overlap)
        hits: list[_Hit] = []
        phrases: list[_Hit] = []
        for start, end, number in self._plain.find_overlapping(data[low : at + _WINDOW + self._overlap]):
            hit = _Hit(low + start, low + end, self._patterns[number])
            if hit.pattern.excluded:
                phrases.append(hit)
            if hit.pattern.terms and at <= hit.start < at + _WINDOW and _stands_free(data, hit):
                hits.append(hit)
        return _without_excluded(hits, phrases) if phrases else hits

    def _swapped_window(self, data: bytes, at: int) -> list[_Hit]:
        low = max(0, at - self._overlap)
        leet = data[low : at + _WINDOW + self._overlap].translate(_LEET)
        hits = []
        for start, end, number in self._leet.find_overlapping(leet):
            if not at <= low + start < at + _WINDOW:
                continue
            written = data[low + start : low + end]
            for pattern in self._leet_patterns[number]:
                hit = _Hit(low + start, low + end, pattern)
                if _is_swapped(written, pattern.folded) and _stands_free(data, hit):
                    hits.append(hit)
        return hits


def _pattern(patterns: dict[str, _Pattern], folded: str) -> _Pattern:
    if folded not in patterns:
        patterns[folded] = _Pattern(folded.encode(), left=_edge(folded[0]), right=_edge(folded[-1]))
    return patterns[folded]


def _mentions(hits: list[_Hit], view: _View) -> set[Mention]:
    found: set[Mention] = set()
    places = _characters(view.data, {place for hit in hits for place in (hit.start, hit.end)})
    for hit in hits:
        span = view.span(places[hit.start], places[hit.end])
        found.update(Mention(term, *span) for term in hit.pattern.terms)
    return found


def _characters(data: bytes, offsets: set[int]) -> dict[int, int]:
    """For each offset in UTF-8 the number of characters before it."""
    places: dict[int, int] = {}
    at = count = 0
    for offset in sorted(offsets):
        count += len(data[at:offset].decode())
        places[offset] = count
        at = offset
    return places


def _without_excluded(hits: list[_Hit], phrases: list[_Hit]) -> list[_Hit]:
    """A hit whose pattern is a term of several companies goes only for those that exclude it."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for phrase in phrases:
        for term in phrase.pattern.excluded:
            spans.setdefault(term, []).append((phrase.start, phrase.end))
    kept = []
    for hit in hits:
        left = [term for term in hit.pattern.terms if not _covered(hit, spans.get(term, ()))]
        if len(left) == len(hit.pattern.terms):
            kept.append(hit)
        elif left:
            kept.append(hit._replace(pattern=_Pattern(hit.pattern.folded, left)))
    return kept


def _covered(hit: _Hit, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= hit.start and hit.end <= end for start, end in spans)


def _stands_free(data: bytes, hit: _Hit) -> bool:
    before = hit.pattern.left == _FREE or not _joined(_leftwards(data, hit.start), hit.pattern.left)
    return before and (
        hit.pattern.right == _FREE or not _joined(_rightwards(data, hit.end), hit.pattern.right)
    )


def _joined(neighbours: Iterator[str], edge: int) -> bool:
    """Whether the characters outward from an end go on with its word."""
    for character in neighbours:
        if not (character.isascii() and character.isdigit()):
            return _has_case(character)
        if edge == _DIGIT:
            return True
    return False


def _leftwards(data: bytes, at: int) -> Iterator[str]:
    return reversed(data[max(0, at - _DIGITS_BESIDE) : at].decode(errors="ignore"))


def _rightwards(data: bytes, at: int) -> Iterator[str]:
    return iter(data[at : at + _DIGITS_BESIDE].decode(errors="ignore"))


def _can_be_leet(folded: bytes) -> bool:
    return len(folded) >= _LEET_SHORTEST and re.search(rb"[a-z].*[a-z]", folded) is not None


def _is_swapped(written: bytes, folded: bytes) -> bool:
    """Whether `written` is the term with some, but at most half, of its letters swapped."""
    letters = swapped = 0
    for got, wanted in zip(written.decode("latin-1"), folded.decode("latin-1"), strict=True):
        letters += wanted.isalpha()
        if got != wanted:
            if got not in _SWAPS.get(wanted, ""):
                return False
            swapped += 1
    return 0 < swapped <= letters - swapped
