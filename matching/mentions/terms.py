"""Mentions: where a text names a watched company, alias, domain or brand.

All terms form one byte-wise automaton over the UTF-8 of the folded text (`text.folding`). Order of rules for
a hit:

1. An end of a term that is a letter with case (Latin, Greek, Cyrillic, ...) needs a boundary: `antiqudianism`
   does not name qudian. Han, kana, Hangul, Thai and other letters without case do not continue a word, so
   `来源qudian数据` does name it. Digits may stand beside such an end (`qudian2024.sql`), unless a letter with
   case follows them. An end that is a digit allows neither a letter with case nor a digit beside it.
2. A hit inside an exclusion phrase of its term (国泰 in 国泰民安) is dropped.
3. A second pass finds letters swapped for digits: `qud1an`. Only letters of a term may be swapped, never its
   digits. At least half of the letters must be unchanged, and the term has four characters or more.

If the text has defanged dots (`qudian[.]com`), the same is done on the text with plain dots.
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

TERM_LENGTH = 200  # characters per term or exclusion phrase
MENTION_LIMIT = 500_000  # mentions that `find` returns per text
_WINDOW = 1 << 20  # bytes scanned at a time: bounds the list of hits
_DIGITS_BESIDE = 32  # most digits beside a term that are skipped to look for a letter

# Characters that replace a letter in leet. i and l share a class in _LEET, because 1 and | replace both.
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
    """Return the folded form of a term or phrase; raise TermRefused if it could not be found."""
    if len(text) > TERM_LENGTH:
        raise TermRefused(f"the term has {len(text)} characters; expected at most {TERM_LENGTH}")
    folded = mention_fold()(text).text.strip(" ")
    if not any(character.isalnum() for character in folded):
        raise TermRefused(
            f"the term {text!r} has no letter or digit left after folding, so it could never be "
            f"found; write a name, a domain or a brand"
        )
    return folded


def check_exclusions(text: str, exclude: Iterable[str]) -> None:
    """Raise TermRefused for an exclusion phrase that could never take effect."""
    folded = folded_term(text)
    for phrase in exclude:
        inside = folded_term(phrase)
        if folded not in inside or folded == inside:
            raise TermRefused(
                f"the exclusion {phrase!r} must be a longer phrase that contains the term {text!r}, "
                f"otherwise it excludes nothing"
            )


@dataclass(slots=True)
class _Pattern:
    """A folded text to find: a term of some companies, an exclusion phrase of others, or both."""

    folded: bytes
    terms: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)  # terms that are not a mention inside this phrase
    left: int = 0  # kind of the first character: _FREE, _LETTER or _DIGIT
    right: int = 0  # kind of the last character


_FREE, _LETTER, _DIGIT = range(3)


def _edge_kind(character: str) -> int:
    """Return which boundary an end with this character needs: none, no letter, or no letter and no digit."""
    if character.isascii() and character.isdigit():
        return _DIGIT
    return _LETTER if _has_case(character) else _FREE


def _has_case(character: str) -> bool:
    return unicodedata.category(character) in {"Ll", "Lu", "Lt"}


class _FoldedView(Protocol):
    """The folded text, or the same with its defanged dots undone."""

    @property
    def data(self) -> bytes: ...

    def span(self, start: int, end: int) -> tuple[int, int]: ...


class _Hit(NamedTuple):
    start: int  # in bytes of the view's UTF-8
    end: int
    pattern: _Pattern


class Terms:
    """A compiled set of terms: 100,000 in about a second. Search time hardly depends on their number."""

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
            _pattern_for(patterns, folded_term(term.text)).terms.append(term.id)
            for phrase in term.exclude:
                _pattern_for(patterns, folded_term(phrase)).excluded.append(term.id)
        return cls(list(patterns.values()))

    def find(self, text: str, *, limit: int = MENTION_LIMIT) -> list[Mention]:
        """Return the mentions in order of their place, at most `limit`."""
        if not self._patterns:
            return []
        folded = mention_fold()(text)
        found = self._mentions_in(folded, limit)
        clickable = defanged(folded)
        if clickable is not None:
            found |= self._mentions_in(clickable, limit)
        return sorted(found, key=itemgetter(1, 2, 0))[:limit]

    def _mentions_in(self, view: _FoldedView, limit: int) -> set[Mention]:
        data = view.data
        hits: list[_Hit] = []
        with_swaps = len(data.translate(None, _SWAPPED)) != len(data)
        for at in range(0, len(data), _WINDOW):
            hits += self._plain_hits(data, at)
            if with_swaps:
                hits += self._swapped_hits(data, at)
            if len(hits) >= limit:
                break
        return _as_mentions(hits, view) if hits else set()

    def _plain_hits(self, data: bytes, at: int) -> list[_Hit]:
        """Return the hits that start in the window from `at`, after rules 1 and 2.

        The scan extends over the window's borders by the longest pattern, so that neither a hit nor an
        exclusion phrase is cut.
        """
        low = max(0, at - self._overlap)
        hits: list[_Hit] = []
        phrases: list[_Hit] = []
        for start, end, number in self._plain.find_overlapping(data[low : at + _WINDOW + self._overlap]):
            hit = _Hit(low + start, low + end, self._patterns[number])
            if hit.pattern.excluded:
                phrases.append(hit)
            if hit.pattern.terms and at <= hit.start < at + _WINDOW and _has_boundaries(data, hit):
                hits.append(hit)
        return _without_excluded(hits, phrases) if phrases else hits

    def _swapped_hits(self, data: bytes, at: int) -> list[_Hit]:
        """Return the hits of rule 3 that start in the window from `at`."""
        low = max(0, at - self._overlap)
        leet = data[low : at + _WINDOW + self._overlap].translate(_LEET)
        hits = []
        for start, end, number in self._leet.find_overlapping(leet):
            if not at <= low + start < at + _WINDOW:
                continue
            written = data[low + start : low + end]
            for pattern in self._leet_patterns[number]:
                hit = _Hit(low + start, low + end, pattern)
                if _is_swapped(written, pattern.folded) and _has_boundaries(data, hit):
                    hits.append(hit)
        return hits


def _pattern_for(patterns: dict[str, _Pattern], folded: str) -> _Pattern:
    if folded not in patterns:
        patterns[folded] = _Pattern(folded.encode(), left=_edge_kind(folded[0]), right=_edge_kind(folded[-1]))
    return patterns[folded]


def _as_mentions(hits: list[_Hit], view: _FoldedView) -> set[Mention]:
    found: set[Mention] = set()
    places = _character_places(view.data, {place for hit in hits for place in (hit.start, hit.end)})
    for hit in hits:
        span = view.span(places[hit.start], places[hit.end])
        found.update(Mention(term, *span) for term in hit.pattern.terms)
    return found


def _character_places(data: bytes, offsets: set[int]) -> dict[int, int]:
    """Return for each offset in UTF-8 the number of characters before it."""
    places: dict[int, int] = {}
    at = count = 0
    for offset in sorted(offsets):
        count += len(data[at:offset].decode())
        places[offset] = count
        at = offset
    return places


def _without_excluded(hits: list[_Hit], phrases: list[_Hit]) -> list[_Hit]:
    """Drop hits inside exclusion phrases; a hit that is a term of several companies stays for the others."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for phrase in phrases:
        for term in phrase.pattern.excluded:
            spans.setdefault(term, []).append((phrase.start, phrase.end))
    kept = []
    for hit in hits:
        left = [term for term in hit.pattern.terms if not _is_inside(hit, spans.get(term, ()))]
        if len(left) == len(hit.pattern.terms):
            kept.append(hit)
        elif left:
            kept.append(hit._replace(pattern=_Pattern(hit.pattern.folded, left)))
    return kept


def _is_inside(hit: _Hit, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= hit.start and hit.end <= end for start, end in spans)


def _has_boundaries(data: bytes, hit: _Hit) -> bool:
    before = hit.pattern.left == _FREE or not _continues_word(
        _characters_before(data, hit.start), hit.pattern.left
    )
    return before and (
        hit.pattern.right == _FREE or not _continues_word(_characters_after(data, hit.end), hit.pattern.right)
    )


def _continues_word(neighbours: Iterator[str], edge: int) -> bool:
    """Return whether the characters beside an end, read outward, belong to its word (rule 1)."""
    for character in neighbours:
        if not (character.isascii() and character.isdigit()):
            return _has_case(character)
        if edge == _DIGIT:
            return True
    return False


def _characters_before(data: bytes, at: int) -> Iterator[str]:
    return reversed(data[max(0, at - _DIGITS_BESIDE) : at].decode(errors="ignore"))


def _characters_after(data: bytes, at: int) -> Iterator[str]:
    return iter(data[at : at + _DIGITS_BESIDE].decode(errors="ignore"))


def _can_be_leet(folded: bytes) -> bool:
    return len(folded) >= _LEET_SHORTEST and re.search(rb"[a-z].*[a-z]", folded) is not None


def _is_swapped(written: bytes, folded: bytes) -> bool:
    """Return whether `written` is the term with some, but at most half, of its letters swapped (rule 3)."""
    letters = swapped = 0
    for got, wanted in zip(written.decode("latin-1"), folded.decode("latin-1"), strict=True):
        letters += wanted.isalpha()
        if got != wanted:
            if got not in _SWAPS.get(wanted, ""):
                return False
            swapped += 1
    return 0 < swapped <= letters - swapped
