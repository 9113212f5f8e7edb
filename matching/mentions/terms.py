"""Mentions: where a text names a watched company, alias, domain or brand.

All terms form one byte-wise automaton over the UTF-8 of the folded text (`text.folding`). Order of rules for
a hit:

1. An end of a term that is a letter with case (Latin, Greek, Cyrillic, ...) needs a boundary: `antiqudianism`
   does not name qudian. Han, kana, Hangul, Thai and other letters without case do not continue a word, so
   `来源qudian数据` does name it. Digits may stand beside such an end (`qudian2024.sql`), unless a letter with
   case follows them. An end that is a digit allows neither a letter with case nor a digit beside it. Where
   the folded text has no boundary, the original may have one: `QudianUsers.csv` (`spellings`).
2. A second pass, over the text without separators, finds other spellings: `consumer_bank` and `q.u.d.i.a.n`
   (`spellings`), and letters swapped for digits: `qud1an`. Only letters of a term may be swapped, never its
   digits. At least half of the letters must be unchanged, and the term has four characters or more. A capital
   I stands for an l among small letters, and a small l for an I among capitals: `QuIrrel`, `QUlRREL`.
3. What only has the letters of the term is dropped: other hosts, hexadecimal, words of another script
   (`ordinary`).
4. A hit inside an exclusion phrase of its term (国泰 in 国泰民安) is dropped. Phrases are found in all
   spellings, as terms are.

If the text has defanged dots (`qudian[.]com`), the same is done on the text with plain dots. If it has
escapes (`%E8%B6%A3`, `&#36259;`), all of it is done on their neighbourhoods with the escapes undone
(`text.escapes`).

The native library folds the text and finds the hits of both passes in one (`matching/native/name_fold.py` and
`name_search.py`). The code here is the specification. It is used without the library, and for the terms that
the library does not take: names of less than four bytes, and those that begin or end with a separator.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple, Protocol

import idna
import numpy as np
from daachorse import DoubleArrayAhoCorasick
from numpy.typing import NDArray

from matching.errors import TermRefused
from matching.mentions.fixed_spellings import close_spellings, exact_spellings
from matching.mentions.han_words import exclusion_phrases
from matching.mentions.ordinary import Nature, TermFacts, nature_of
from matching.mentions.rewriting import filled_end, rewritten
from matching.mentions.spellings import (
    DIVIDED_PAIR,
    SEPARATORS,
    Form,
    Reading,
    fits,
    form_of,
    has_case,
    has_word_border,
    is_file_of,
    is_twin,
    reading,
    stands_alone,
)
from matching.native.escape_signs import undo_natively
from matching.native.library import LibraryMissing
from matching.native.name_fold import (
    NativeFolded,
    folded_text,
    may_be_defanged,
    may_be_escaped,
    may_be_rewritten,
)
from matching.native.name_search import NO_HITS, NameHits, NameSearch, SpelledName
from text.escapes import CERTAIN, Flags, Undone
from text.folding import defanged, fold_few, mention_fold

TERM_LENGTH = 200  # characters per term or exclusion phrase
MENTION_LIMIT = 500_000  # mentions that `find` returns per text
_WINDOW = 1 << 20  # bytes scanned at a time: bounds the list of hits
_SPELLINGS_WINDOW = 1 << 15  # bytes scanned at a time for other spellings: most such windows have none
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
_SEPARATOR_BYTES = SEPARATORS.encode()
# Translating by these gives 1 for a byte that may be a swapped letter, and for one that is no separator.
_MAY_BE_SWAPPED = bytes(byte in "".join(_SWAPS.values()).encode() for byte in range(256))
_IS_KEPT = bytes(byte not in _SEPARATOR_BYTES for byte in range(256))
_COUNTED = 8  # terms in a window up to which they are counted
_SPREAD = 4  # times its length that a name with separators may take
_LEET = bytes.maketrans(b"01!|l34@5$7892", b"oiiiieaasstbgz")
_LEET_SHORTEST = 4
_AROUND = 12  # characters looked at around a name with its letters apart
_REST = 6  # characters, below which small letters behind `\\n`, `\\r` or `\\t` may be the rest of a command
_TEX = ("\\n", "\\r", "\\t")
_HUMP_SHORTEST = 3  # bytes of a term that may end at a capital


@dataclass(frozen=True, slots=True)
class WatchTerm:
    id: int
    company_id: int
    text: str
    kind: str
    exclude: tuple[str, ...] = ()
    in_addresses: bool = True  # whether a domain counts in e-mail addresses: not that of a mail provider


class Mention(NamedTuple):
    """`start` and `end` are offsets in the original text, half open."""

    term_id: int
    start: int
    end: int
    nature: Nature = Nature.NAMED


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


@dataclass
class _Pattern:
    """A folded text to find: a term of some companies, an exclusion phrase of others, or both."""

    folded: bytes
    left: int  # kind of the first character: _FREE, _LETTER or _DIGIT
    right: int  # kind of the last character
    is_exact: bool  # no other spelling of it is searched for
    terms: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)  # terms that are not a mention inside this phrase

    @cached_property
    def form(self) -> Form:
        return form_of(self.folded.decode())


_FREE, _LETTER, _DIGIT = range(3)


def _edge_kind(character: str) -> int:
    """Return which boundary an end with this character needs: none, no letter, or no letter and no digit."""
    if character.isascii() and character.isdigit():
        return _DIGIT
    return _LETTER if has_case(character) else _FREE


class _FoldedView(Protocol):
    """The folded text, or the same with its defanged dots undone."""

    @property
    def data(self) -> bytes | memoryview: ...

    def byte_spans(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]: ...


class _Hit(NamedTuple):
    start: int  # in bytes of the view's UTF-8
    end: int
    pattern: _Pattern
    left: bool = True  # whether the folded text has a boundary there
    right: bool = True
    swapped: bool = False  # letters are swapped for digits
    reading: Reading | None = None  # None: the gaps are the term's own
    twins: tuple[int, ...] = ()  # characters of what is written that are an i for an l, or an l for an i


class _Found(NamedTuple):
    mentions: set[Mention]
    excluded: dict[int, set[tuple[int, int]]]  # by term: where its exclusion phrases stand in the original


_Concerned = tuple[list[tuple[int, TermFacts]], list[int]]  # terms of a pattern, and those that it excludes


class Terms:
    """A compiled set of terms: 100,000 in a few seconds. Search time hardly depends on their number."""

    def __init__(
        self, patterns: Sequence[_Pattern], facts: dict[int, TermFacts], *, native: bool = True
    ) -> None:
        """`native` False: do without the library, which finds the same in less time."""
        self._facts = facts
        spelled: dict[bytes, list[_Pattern]] = {}
        for pattern in patterns:
            if _has_spellings(pattern.form):
                spelled.setdefault(pattern.folded.translate(_LEET, _SEPARATOR_BYTES), []).append(pattern)
        self._names, self._native = _native_search(spelled) if native else ([], None)
        found_there = {id(pattern) for group in self._names for pattern in group}
        self._patterns = [pattern for pattern in patterns if id(pattern) not in found_there]
        self._overlap = max((len(pattern.folded) for pattern in self._patterns), default=0)
        self._plain = DoubleArrayAhoCorasick([pattern.folded for pattern in self._patterns])
        spelled = {key: group for key, group in spelled.items() if id(group[0]) not in found_there}
        self._spelled = DoubleArrayAhoCorasick(list(spelled))
        self._spelled_patterns = list(spelled.values())
        shapes = [_spelling_shape(patterns) for patterns in self._spelled_patterns]
        self._shapes = np.array(shapes, np.int64).reshape(-1, 3)

    @classmethod
    def build(cls, terms: Sequence[WatchTerm], *, native: bool = True) -> "Terms":
        patterns: dict[str, _Pattern] = {}
        for term in terms:
            if term.kind == "domain":
                own = dict.fromkeys({folded_term(term.text), *_idn_spellings(term.text)}, False)
            else:
                own = dict(_spellings_of(term.text))
            for spelling, is_exact in own.items():
                _pattern_for(patterns, spelling, is_exact).terms.append(term.id)
            for phrase in (*term.exclude, *exclusion_phrases().get(folded_term(term.text), ())):
                for spelling, is_exact in _spellings_of(phrase):
                    if spelling not in own:
                        _pattern_for(patterns, spelling, is_exact).excluded.append(term.id)
        facts = {
            term.id: TermFacts.of(term.text, term.kind, in_addresses=term.in_addresses) for term in terms
        }
        return cls(list(patterns.values()), facts, native=native)

    def find(self, text: str, *, limit: int = MENTION_LIMIT, lookalikes: bool = False) -> list[Mention]:
        """Return the mentions in order of their place, at most `limit`; `lookalikes`: those hosts too."""
        if not self._facts:
            return []
        found, has_escapes, has_rewritten = self._find_written(text, limit)
        undone = undo_natively(text) if has_escapes else None
        if undone is not None:
            found = _with_undone(found, self._find_written(undone.text, limit)[0], undone, text)
        view = rewritten(text) if has_rewritten else None
        if view is not None:
            found = _with_rewritten(found, self._find_written(view, limit)[0], text, view)
        mentions = _without_excluded(found) if found.excluded else found.mentions
        mentions = _with_lookalikes(mentions) if lookalikes else _named_only(mentions)
        return sorted(_outermost(mentions), key=itemgetter(1, 2, 0))[:limit]

    def _find_written(self, text: str, limit: int) -> tuple[_Found, bool, bool]:
        """Return what a text has as it is, whether it may have escapes, and whether it may be rewritten."""
        folded = folded_text(text) if self._native else mention_fold()(text)
        try:
            has_rewritten = may_be_rewritten(folded)
            found = self._find_in(folded, text, limit)
            clickable = defanged(folded) if may_be_defanged(folded) else None
            if clickable is not None:
                also = self._find_in(clickable, text, limit)
                found.mentions.update(also.mentions)
                for term, spans in also.excluded.items():
                    found.excluded.setdefault(term, set()).update(spans)
        finally:
            if isinstance(folded, NativeFolded):
                folded.release()
        return found, may_be_escaped(folded), has_rewritten

    def _find_in(self, view: _FoldedView, text: str, limit: int) -> _Found:
        sure, hits = self._native_hits(view, limit) if self._native else (NO_HITS, [])
        found = self._found_with_rest(hits, view, text, limit - len(sure))
        if len(sure):
            self._judge_sure(sure, view, text, found)
        return found

    def _found_with_rest(self, hits: list[_Hit], view: _FoldedView, text: str, limit: int) -> _Found:
        """Add the hits of terms that the library does not take, and judge all of them."""
        if self._patterns and len(hits) < limit:
            data = bytes(view.data)
            for at in range(0, len(data), _WINDOW):
                hits += self._plain_hits(data, at)
                for begin in range(at, min(at + _WINDOW, len(data)), _SPELLINGS_WINDOW):
                    hits += self._spelled_hits(data, begin)
                if len(hits) >= limit:
                    break
        return self._judged(hits, view, text) if hits else _Found(set(), {})

    def _native_hits(self, view: _FoldedView, limit: int) -> tuple[NameHits, list[_Hit]]:
        """Return the hits that the library finds: those that surely are the term as it is, and all others."""
        assert self._native is not None
        data = view.data
        sure: list[NameHits] = []
        hits: list[_Hit] = []
        count = 0
        buffer = np.frombuffer(data, np.uint8)
        for found in self._native.find(buffer.ctypes.data, len(buffer)):
            is_sure = found["sure"] > 0
            sure.append(found[is_sure])
            count += len(sure[-1])
            others = found[~is_sure]
            for start, end, number, _ in others.tolist():
                written = bytes(data[start:end])
                for pattern in self._names[number]:
                    if pattern.folded == written:
                        hit = _with_boundaries(data, _Hit(start, end, pattern))
                    else:
                        hit = _spelled_hit(data, start, end, pattern)
                    if hit is not None:
                        hits.append(hit)
            if count + len(hits) >= limit:
                break
        return np.concatenate(sure) if sure else NO_HITS, hits

    def _judge_sure(self, hits: NameHits, view: _FoldedView, text: str, found: _Found) -> None:
        """Add what `_judged` would add for hits that are a term as it is, with its boundaries."""
        places = np.stack((hits["start"], hits["end"]), axis=1)
        if isinstance(view, NativeFolded):
            starts, ends = view.places_of(places)
        else:
            starts, ends = map(list, zip(*view.byte_spans(places.tolist()), strict=True))
        add = found.mentions.add
        concerned: dict[int, _Concerned] = {}  # by name: most names that a text has, it has often
        for number, start, end in zip(hits["name"].tolist(), starts, ends, strict=True):
            known = concerned.get(number)
            if known is None:
                [pattern] = self._names[number]
                terms = [(term, self._facts[term]) for term in pattern.terms]
                concerned[number] = known = terms, pattern.excluded
            terms, excluded = known
            for term in excluded:
                found.excluded.setdefault(term, set()).add((start, end))
            for term, facts in terms:
                nature = nature_of(facts, text, start, end, swapped=False)
                if nature is not None:
                    add(Mention(term, start, end, nature))

    def _plain_hits(self, data: bytes, at: int) -> list[_Hit]:
        """Return the hits that start in the window from `at`, with their boundaries.

        The scan extends over the window's borders by the longest pattern, so that no hit is cut.
        """
        low = max(0, at - self._overlap)
        hits: list[_Hit] = []
        for start, end, number in self._plain.find_overlapping(data[low : at + _WINDOW + self._overlap]):
            if not at <= low + start < at + _WINDOW:
                continue
            hit = _with_boundaries(data, _Hit(low + start, low + end, self._patterns[number]))
            if hit is not None:
                hits.append(hit)
        return hits

    def _spelled_hits(self, data: bytes, at: int) -> list[_Hit]:
        """Return the hits of rule 2 that start in the window from `at`."""
        low, high = max(0, at - self._overlap), at + _SPELLINGS_WINDOW + _SPREAD * self._overlap
        piece = data[low:high]
        found = self._spelled.find_overlapping(piece.translate(_LEET, _SEPARATOR_BYTES))
        found = self._not_counted(found, piece)
        if not found:
            return []
        hits = []
        for start, end, number in self._possible(found, piece):
            if at <= low + start < at + _SPELLINGS_WINDOW:
                for pattern in self._spelled_patterns[number]:
                    hit = _spelled_hit(data, low + start, low + end, pattern)
                    if hit is not None:
                        hits.append(hit)
        return hits

    def _not_counted(self, found: list[tuple[int, int, int]], piece: bytes) -> list[tuple[int, int, int]]:
        """Return the hits of those terms that the piece has in another spelling than their own.

        A term as it is written is found by the second pass too. If the piece has it as often as it was
        found, there is no other spelling. Counting is faster than finding the places of a few hits.
        """
        counts = Counter(number for _, _, number in found)
        if len(counts) > _COUNTED:
            return found
        others = {
            number
            for number, count in counts.items()
            if sum(piece.count(pattern.folded) for pattern in self._spelled_patterns[number]) != count
        }
        return [hit for hit in found if hit[2] in others]

    def _possible(
        self, found: Sequence[tuple[int, int, int]], piece: bytes
    ) -> Iterable[tuple[int, int, int]]:
        """Return the hits, with their places in the piece, without those that cannot be another spelling.

        Most are the term as it is written, or letters of words that follow one another: `is old` for `sold`.
        """
        kept = _places_of(_IS_KEPT, piece)
        swaps = _places_of(_MAY_BE_SWAPPED, piece)
        starts, ends, numbers = np.array(found, np.int64).T
        starts, ends = kept[starts], kept[ends - 1] + 1
        has_swaps = np.searchsorted(swaps, ends) > np.searchsorted(swaps, starts)
        letters, words, free = self._shapes[numbers].T
        gaps = ends - starts - letters
        spread = (gaps <= 3 * letters) & np.where(
            (words > 1) | (free > 0), (gaps > 0) | (words > 1), (gaps == 2) | (gaps >= letters - 1)
        )
        possible = has_swaps | spread | (gaps == 0)
        return zip(
            starts[possible].tolist(), ends[possible].tolist(), numbers[possible].tolist(), strict=True
        )

    def _judged(self, hits: list[_Hit], view: _FoldedView, text: str) -> _Found:
        """Return what remains of the hits after a look at the original text (rules 1 to 3)."""
        spans = view.byte_spans([(hit.start, hit.end) for hit in hits])
        found = _Found(set(), {})
        for hit, (start, end) in zip(hits, spans, strict=True):
            if not _agrees(hit, view, text, (start, end)):
                continue
            for term in hit.pattern.excluded:
                found.excluded.setdefault(term, set()).add((start, end))
            if not (hit.left and hit.right) and not has_word_border(
                text, start, end, left=not hit.left, right=not hit.right
            ):
                continue
            for term in hit.pattern.terms:
                facts = self._facts[term]
                other_gaps = (
                    hit.reading is not None and facts.kind == "domain" and not is_file_of(text, start, end)
                )
                nature = None if other_gaps else nature_of(facts, text, start, end, swapped=hit.swapped)
                if nature is not None:
                    found.mentions.add(Mention(term, start, end, nature))
        return found


def _native_search(
    spelled: dict[bytes, list[_Pattern]],
) -> tuple[list[list[_Pattern]], NameSearch | None]:
    """Return the patterns that the library searches for, by the number of their spelled form, and its search.

    A term that begins or ends with a separator is left out: the spelled form does not tell where it ends.
    """
    names, groups = [], []
    for form, group in spelled.items():
        _, words, free = _spelling_shape(group)
        edges = group[0].left, group[0].right
        name = SpelledName(form, tuple(pattern.folded for pattern in group), words, bool(free), edges)
        if name.is_searchable and not any(
            pattern.folded[at] in _SEPARATOR_BYTES for pattern in group for at in (0, -1)
        ):
            names.append(name)
            groups.append(group)
    if not names:
        return [], None
    try:
        images = bytes(0 if byte in _SEPARATOR_BYTES else _LEET[byte] for byte in range(256))
        return groups, NameSearch(names, images=images, swaps=_MAY_BE_SWAPPED)
    except LibraryMissing:
        return [], None


def _places_of(table: bytes, piece: bytes) -> NDArray[np.int64]:
    """Return the places that the table translates to 1."""
    return np.flatnonzero(np.frombuffer(piece.translate(table), np.bool_))


def _agrees(hit: _Hit, view: _FoldedView, text: str, span: tuple[int, int]) -> bool:
    """Return whether the original agrees with the hit's reading."""
    got = hit.reading
    if got is None and not hit.twins:
        return True
    written = bytes(view.data[hit.start : hit.end]).decode()

    def place(index: int) -> int:
        at = hit.start + len(written[:index].encode())
        [(first, _)] = view.byte_spans([(at, at + len(written[index].encode()))])
        return first

    letters, (start, end) = hit.pattern.form.characters, span
    if not all(is_twin(text, place(index), len(letters)) for index in hit.twins):
        return False
    if got is None:
        return True
    if not got.apart:
        return fits(text, place, got)
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    # More blanks than between the letters end the name: `Q U I L   M A R S H`.
    before = "" if got.apart == " " and before[-2:].isspace() else fold_few(before)
    after = "" if got.apart == " " and after[:2].isspace() else fold_few(after)
    if stands_alone(got, letters, before, after):
        return True
    return len(letters) == 2 and got.apart == " " and fits(text, place, DIVIDED_PAIR)


def _pattern_for(patterns: dict[str, _Pattern], folded: str, is_exact: bool) -> _Pattern:
    if folded not in patterns:
        patterns[folded] = _Pattern(folded.encode(), _edge_kind(folded[0]), _edge_kind(folded[-1]), is_exact)
    patterns[folded].is_exact &= is_exact
    return patterns[folded]


def _spellings_of(text: str) -> list[tuple[str, bool]]:
    """Return the folded spellings of a name or phrase, each with whether it is searched for as it stands."""
    folded = folded_term(text)
    close = close_spellings(folded)
    exact = {folded_term(each) for each in exact_spellings(text, folded)}
    return [*((each, False) for each in close), *((each, True) for each in exact - close)]


def _idn_spellings(domain: str) -> set[str]:
    """Return the domain in punycode, or out of it; nothing if it is no such domain."""
    domain = domain.strip().lower()
    try:
        if domain.isascii():
            return {folded_term(idna.decode(domain))} if "xn--" in domain else set()
        return {idna.encode(domain, uts46=True).decode("ascii")}
    except idna.IDNAError:
        return set()


def _has_spellings(form: Form) -> bool:
    """Return whether the second pass looks for it: `趣店`, and names of four characters with two letters."""
    characters = form.characters
    letters = [each for each in characters if each.isalpha()]
    without_case = sum(not has_case(letter) for letter in letters)
    return without_case >= 2 or (len(characters) >= _LEET_SHORTEST and len(letters) >= 2)


def _spelling_shape(patterns: list[_Pattern]) -> tuple[int, int, int]:
    """Return the bytes without gaps, the most words, and whether a letter without case is among them."""
    forms = [pattern.form for pattern in patterns]
    length = min(len(form.characters.encode()) for form in forms)
    # Letters of two bytes are as many gaps fewer as the test of letters apart expects.
    free = any(not (has_case(each) and each.isascii()) for form in forms for each in form.characters)
    return length, max(form.words for form in forms), int(free)


def _spelled_hit(data: bytes | memoryview, start: int, end: int, pattern: _Pattern) -> _Hit | None:
    if pattern.is_exact:
        return None
    text = str(data[start:end], "utf-8", "ignore")
    written, form = form_of(text), pattern.form
    if len(written.characters) != len(form.characters):
        return None
    swapped = written.characters != form.characters
    if swapped and not _is_swapped(written.characters, form.characters):
        return None
    twins = _twins(written, form) if swapped else ()
    if written.gaps == form.gaps:
        hit = _Hit(start, end, pattern, swapped=True, twins=twins)
        return _with_boundaries(data, hit) if swapped else None
    got = reading(form, written)
    if got is None:
        return None
    return _with_boundaries(data, _Hit(start, end, pattern, swapped=swapped, reading=got, twins=twins))


def _twins(written: Form, form: Form) -> tuple[int, ...]:
    """Return where an i is written for an l, or an l for an i."""
    pairs = zip(written.characters, form.characters, written.places, strict=True)
    return tuple(place for got, wanted, place in pairs if got != wanted and got in "il")


def _with_undone(written: _Found, undone: _Found, escapes: Undone, text: str) -> _Found:
    """Return what the text has as it is written and with its escapes undone, in places of the former.

    A mention with an escape that means one thing only in it or beside it counts only with that undone. What
    is left of a command of TeX is no short name: `\\top` is not OP.
    """
    mentions = list(written.mentions)
    disputed = _tested(escapes.disputes, mentions, CERTAIN)
    kept = {mention for mention, is_other in zip(mentions, disputed, strict=True) if not is_other}
    mentions = list(undone.mentions)
    for mention, is_news in zip(mentions, _tested(escapes.touches, mentions), strict=True):
        if is_news:
            start, end = escapes.span(mention.start, mention.end)
            is_rest = end - start < _REST and text[start:end].islower() and text[start - 2 : start] in _TEX
            if not is_rest:
                kept.add(Mention(mention.term_id, start, end, mention.nature))
    excluded = written.excluded
    for term, spans in undone.excluded.items():
        excluded.setdefault(term, set()).update(escapes.span(start, end) for start, end in spans)
    return _Found(kept, excluded)


def _with_rewritten(written: _Found, also: _Found, text: str, view: str) -> _Found:
    """Return what the text has as it is written, and what only its rewritten form has."""

    def place(start: int, end: int) -> tuple[int, int]:
        return start, filled_end(view, end)

    news = {
        Mention(each.term_id, *place(each.start, each.end), each.nature)
        for each in also.mentions
        if text[each.start : each.end] != view[each.start : each.end]
    }
    excluded = written.excluded
    for term, spans in also.excluded.items():
        excluded.setdefault(term, set()).update(place(start, end) for start, end in spans)
    return _Found(written.mentions | news, excluded)


def _tested(test: Callable[..., Flags], mentions: Sequence[Mention], *more: int) -> list[bool]:
    places = np.array([(mention.start, mention.end) for mention in mentions], np.int64).reshape(-1, 2)
    flags: list[bool] = test(places[:, 0], places[:, 1], *more).tolist()
    return flags


def _without_excluded(found: _Found) -> set[Mention]:
    """Drop mentions inside exclusion phrases of their terms."""
    return {
        mention
        for mention in found.mentions
        if not any(
            start <= mention.start and mention.end <= end
            for start, end in found.excluded.get(mention.term_id, ())
        )
    }


def _outermost(mentions: set[Mention]) -> Iterator[Mention]:
    """Yield the mentions without those inside another one of their term: `Quill` of `"Quill"`."""
    ends: dict[int, int] = {}
    for mention in sorted(mentions, key=lambda each: (each.start, -each.end)):
        if mention.end > ends.get(mention.term_id, -1):
            ends[mention.term_id] = mention.end
            yield mention


def _named_only(mentions: set[Mention]) -> set[Mention]:
    return {mention for mention in mentions if mention.nature is not Nature.LOOKALIKE}


def _with_lookalikes(mentions: set[Mention]) -> set[Mention]:
    """Drop look-alikes only where another view of the text has the domain itself in their place."""
    named = _named_only(mentions)
    places = {mention[:3] for mention in named}
    return named | {mention for mention in mentions - named if mention[:3] not in places}


def _with_boundaries(data: bytes | memoryview, hit: _Hit) -> _Hit | None:
    """Return the hit with what the folded text says of its boundaries.

    None: it has none and cannot have any in the original, because the term is too short for that. Exclusion
    phrases need no boundary.
    """
    pattern = hit.pattern
    left = pattern.left == _FREE or not _continues_word(_characters_before(data, hit.start), pattern.left)
    right = pattern.right == _FREE or not _continues_word(_characters_after(data, hit.end), pattern.right)
    if left and right:
        return hit
    if not pattern.excluded and (
        len(pattern.folded) < _HUMP_SHORTEST
        or (not left and pattern.left == _DIGIT)
        or (not right and pattern.right == _DIGIT)
    ):
        return None
    return hit._replace(left=left, right=right)


def _continues_word(neighbours: Iterator[str], edge: int) -> bool:
    """Return whether the characters beside an end, read outward, belong to its word (rule 1)."""
    for character in neighbours:
        if not (character.isascii() and character.isdigit()):
            return has_case(character)
        if edge == _DIGIT:
            return True
    return False


def _characters_before(data: bytes | memoryview, at: int) -> Iterator[str]:
    return reversed(str(data[max(0, at - _DIGITS_BESIDE) : at], "utf-8", "ignore"))


def _characters_after(data: bytes | memoryview, at: int) -> Iterator[str]:
    return iter(str(data[at : at + _DIGITS_BESIDE], "utf-8", "ignore"))


def _is_swapped(written: str, folded: str) -> bool:
    """Return whether `written` is the term with some, but at most half, of its letters swapped (rule 2).

    An `i` for an `l` and the other way round is judged by the original text (`is_twin`).
    """
    letters = swapped = 0
    for got, wanted in zip(written, folded, strict=True):
        letters += wanted.isascii() and wanted.isalpha()
        if got != wanted:
            if got not in _SWAPS.get(wanted, "") and {got, wanted} != {"i", "l"}:
                return False
            swapped += 1
    return len(folded) >= _LEET_SHORTEST and 0 < swapped <= letters - swapped
