"""Runs of digits in a text: resident IDs, cards and telephone numbers, which are all groups of digits.

1. A run is groups of digits with at most two separators between neighbours.
2. Ordinary numbers (`ordinary_numbers`) part it into pieces. So do two long groups with a slash between them,
   and a slash behind a group that is no area code: 3920001/3920002, 1048576/2097152.
3. A stretch is up to six whole groups of a piece. It can be each kind of number, and a piece can hold several
   numbers side by side. All possibilities are returned.
4. A piece of single digits only (0 1 7 1 3 9 2 0 0 1 3) is one stretch.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from matching.identifiers.cards import card
from matching.identifiers.fields import Field, FoundIdentifier
from matching.identifiers.ordinary_numbers import (
    HexadecimalWords,
    is_bare_time,
    is_digit_at,
    is_read_as_number,
    ordinary_end,
)
from matching.identifiers.phones import phone_readings
from matching.identifiers.resident_ids import resident_id

_GROUPS = 6  # groups of digits in which one number may be written
_MOST_DIGITS = 19  # the longest number: a card
_FEWEST_DIGITS = 7
_LONG_GROUP = 7  # digits; a telephone number has one such group at most
_AREA_CODE = 3  # digits before a slash, unless they begin with 0
_FEWEST_APART = 11  # digits written one by one, where they begin with neither + nor 0
_BETWEEN_DIGITS = frozenset({" ", "-", "_", "."})
_SHORTEST_CARD = 13

# A run of groups of digits: 7 digits or more, with at most two separators between neighbours. The possessive
# `{6,}+` reads each run once: a part of a run that is too short is too short as well.
_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/_]{0,2}\d){6,}+[Xx]?", re.ASCII)
_GROUP = re.compile(r"\d+[Xx]?", re.ASCII)
# A run without any of these, two characters before it and behind it included, has no ordinary number.
_MAY_BE_ORDINARY = re.compile(
    r"\d\.\d|\d[-/]\d\d?[-/]\d|\d{5}-\d{4}|\d{4}-\d{4}-|(?:19|20)\d{6}"
    r"|[A-Za-z:]-?\d|\d[A-Za-z:]|\d-[A-Za-z]|,\d{3}(?!\d)|\d [A-Z]",
    re.ASCII,
)


class WantedNumbers(NamedTuple):
    """Which kinds of number are searched for, and the region of telephone numbers without +."""

    region: str
    resident_id: bool
    card: bool
    phone: bool


class Stretch(NamedTuple):
    """Whole groups of digits that can be one number: 7 to 19 digits, the last may be an X."""

    digits: str
    start: int
    end: int
    plus: bool  # a + stands before it
    groups: tuple[int, ...]  # digits of each


@dataclass(slots=True)
class _Piece:
    """Groups of a run without an ordinary number between them; the last one may include an X."""

    text: str
    plus: bool = False
    groups: list[tuple[int, int]] = field(default_factory=list)
    digits: int = 0
    crossed: bool = False  # the last separator was a slash

    def add(self, start: int, end: int) -> None:
        if self.groups:
            self.crossed = "/" in self.text[self.groups[-1][1] : start]
        else:
            self.plus = self.text[max(0, start - 2) : start].removesuffix("(").endswith("+")
        self.groups.append((start, end))
        self.digits += end - start

    @property
    def dialled(self) -> bool:
        """Whether a number that is dialled is in progress."""
        begins = bool(self.groups) and (self.plus or self.text[self.groups[0][0]] == "0")
        return begins and self.digits < _FEWEST_DIGITS

    def goes_on(self, start: int, end: int, words: HexadecimalWords | None) -> bool:
        """Return whether the next group of the run may belong to the same number as the last one."""
        return self._crosses(start, end) and not (words and self.ordinary_span(start, end, words))

    def _crosses(self, start: int, end: int) -> bool:
        """Return whether a number may cross what stands between the last group and the next one."""
        first, last = self.groups[-1]
        between = self.text[last:start]
        if between == "." and is_read_as_number(self.text, first, last):
            return False
        if "/" not in between:
            return True
        if last - first >= _LONG_GROUP and end - start >= _LONG_GROUP:
            return False
        return self.plus or self.crossed or self.text[first] == "0" or last - first == _AREA_CODE

    def ordinary_span(self, start: int, end: int, words: HexadecimalWords) -> tuple[int, int] | None:
        """Return the place of the ordinary number that the group begins or is a part of."""
        if span := words.span(start, end):
            return span
        begins = not self.groups
        plus = begins and self.text[max(0, start - 2) : start].removesuffix("(").endswith("+")
        stop = ordinary_end(self.text, start, end, begins=begins, plus=plus, dialled=self.dialled)
        return (start, stop) if stop > start else None


def run_identifiers(text: str, wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    """Yield candidates in order of their piece, of their first group, and of their length.

    Within one stretch the order is resident ID, card, telephone number. A number found with its country code
    is not found once more without it: the second place overlaps the first and has the same canonical form.
    """
    for piece in _pieces(text, _RUN.finditer(text), HexadecimalWords(text)):
        ends: dict[tuple[Field, str], int] = {}
        for stretch in _stretches(piece):
            for found in _stretch_identifiers(stretch, wanted):
                if stretch.start >= ends.get(found[:2], 0):
                    ends[found[:2]] = stretch.end
                    yield found


def stretches(text: str, run: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield digits, start and end of each stretch of a run of `runs_to_mask`: 7 to 19 digits.

    `110101189901010010 17000000000` holds two numbers, `4111 1111 1111 1111` is one: both are stretches.
    """
    for piece in _pieces(text, [run], None):
        for stretch in _stretches(piece):
            yield stretch.digits, stretch.start, stretch.end


def runs_to_mask(text: str) -> Iterator[re.Match[str]]:
    """Yield the runs of a text without the ordinary numbers in them."""
    words = HexadecimalWords(text)
    for run in _RUN.finditer(text):
        if not _MAY_BE_ORDINARY.search(text, max(0, run.start() - 2), run.end() + 2):
            yield run
            continue
        ordinary: list[tuple[int, int]] = []
        for _ in _pieces(text, [run], words, ordinary):
            pass
        if not ordinary:
            yield run
            continue
        at = run.start()
        for start, end in [*ordinary, (run.end(), run.end())]:
            yield from _RUN.finditer(text, at, start)
            at = end


def _pieces(
    text: str,
    runs: Iterable[re.Match[str]],
    words: HexadecimalWords | None,
    ordinary: list[tuple[int, int]] | None = None,
) -> Iterator[_Piece]:
    """Yield the pieces of runs. The ordinary numbers between them are added to `ordinary`.

    `words` None: there are no ordinary numbers in the runs.
    """
    until = 0  # where the last ordinary number ends
    for run in runs:
        piece = _Piece(text)
        for group in _GROUP.finditer(text, run.start(), run.end()):
            start, end = group.span()
            if start < until:
                continue
            digits_end = end - (text[end - 1] in "Xx")
            if piece.groups and not piece.goes_on(start, digits_end, words):
                yield piece
                piece = _Piece(text)
            span = None
            if words and not piece.groups:
                span = piece.ordinary_span(start, digits_end, words)
            if span is None:
                piece.add(start, end)
                continue
            until = span[1]
            if ordinary is not None:
                ordinary.append(span)
        if piece.groups:
            yield piece


def _stretches(piece: _Piece) -> Iterator[Stretch]:
    text, groups = piece.text, piece.groups
    if _are_apart(piece):
        digits = "".join(text[start:end] for start, end in groups)
        yield Stretch(digits, groups[0][0], groups[-1][1], piece.plus, (1,) * len(groups))
    for number, (start, _) in enumerate(groups):
        if number and text[start - 1] == "." and is_digit_at(text, start - 2):
            continue
        digits = ""
        sizes: tuple[int, ...] = ()
        for first, end in groups[number : number + _GROUPS]:
            digits += text[first:end]
            sizes += (end - first,)
            if len(digits) > _MOST_DIGITS:
                break
            if len(digits) >= _FEWEST_DIGITS:
                yield Stretch(digits, start, end, piece.plus and number == 0, sizes)


def _are_apart(piece: _Piece) -> bool:
    """Return whether the piece is a number whose digits are written one by one."""
    text, groups = piece.text, piece.groups
    if not _FEWEST_DIGITS <= len(groups) <= _MOST_DIGITS or any(end - start > 1 for start, end in groups):
        return False
    between = {sign for (_, last), (start, _) in pairwise(groups) for sign in text[last:start]}
    if len(between) > 1 or not between <= _BETWEEN_DIGITS:
        return False
    return piece.plus or text[groups[0][0]] == "0" or (len(groups) >= _FEWEST_APART and "." not in between)


def _stretch_identifiers(stretch: Stretch, wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    digits, start, end, plus, groups = stretch
    if (
        wanted.resident_id
        and (len(digits) == 18 or (len(digits) == 15 and len(groups) == 1))
        and (value := resident_id(digits))
    ):
        yield Field.RESIDENT_ID, value, start, end
    digits = digits.rstrip("Xx")
    if wanted.card and len(digits) >= _SHORTEST_CARD and (value := card(digits)):
        yield Field.CARD, value, start, end
    if wanted.phone and (plus or _may_be_phone(digits, groups)):
        for value in phone_readings(digits, wanted.region, international=plus):
            yield Field.PHONE, value, start, end


def _may_be_phone(digits: str, groups: tuple[int, ...]) -> bool:
    """Return False for seconds since 1970 and dates in one group, and for two numbers side by side."""
    if len(groups) == 1:
        return not is_bare_time(digits)
    return digits.startswith("00") or sum(size >= _LONG_GROUP for size in groups) < 2
