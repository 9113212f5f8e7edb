"""Runs of digits in a text: resident IDs, cards and telephone numbers, which are all groups of digits.

One run can be each of them, and it can hold several of them side by side. All possibilities are returned.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from matching.identifiers.cards import card
from matching.identifiers.fields import Field, FoundIdentifier
from matching.identifiers.phones import phone_readings
from matching.identifiers.resident_ids import resident_id

_GROUPS = 6  # groups of digits in which one number may be written
_MOST_DIGITS = 19  # the longest number: a card
_FEWEST_DIGITS = 7
_RESIDENT_ID_LENGTHS = (15, 18)
_SHORTEST_CARD = 13

# A run of groups of digits: 7 digits or more, with at most two separators between neighbours. The possessive
# `{6,}+` reads each run once: a part of a run that is too short is too short as well.
_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/]{0,2}\d){6,}+[Xx]?", re.ASCII)
_GROUP = re.compile(r"\d+[Xx]?", re.ASCII)


class WantedNumbers(NamedTuple):
    """Which kinds of number are searched for, and the region of telephone numbers without +."""

    region: str
    resident_id: bool
    card: bool
    phone: bool


def run_identifiers(text: str, wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    """Yield candidates in order of their run, of their first group, and of their length.

    Within one stretch the order is resident ID, card, telephone number.
    """
    for run in _RUN.finditer(text):
        written = run[0]
        if written.isdigit():  # most runs are one group
            if len(written) <= _MOST_DIGITS:
                yield from _stretch_identifiers(written, run.start(), run.end(), plus=False, wanted=wanted)
        else:
            yield from _group_identifiers(text, run, wanted)


def _group_identifiers(text: str, run: re.Match[str], wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    """Yield the candidates of a run of several groups.

    A number found with its country code is not found once more without it: the second place overlaps the
    first and has the same canonical form.
    """
    ends: dict[tuple[Field, str], int] = {}
    for digits, start, end in stretches(text, run):
        plus = text[run.start()] == "+" and text[run.start() + 1 : start] in ("", "(")
        for found in _stretch_identifiers(digits, start, end, plus=plus, wanted=wanted):
            if start >= ends.get(found[:2], 0):
                ends[found[:2]] = end
                yield found


def stretches(text: str, run: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield digits, start and end of each stretch of whole groups that can be one number: 7 to 19 digits.

    `110101189901010010 17000000000` holds two numbers, `4111 1111 1111 1111` is one: both are stretches.
    """
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, run.start(), run.end())]
    for number, (start, _) in enumerate(groups):
        digits = ""
        for first, end in groups[number : number + _GROUPS]:
            digits += text[first:end]
            if len(digits) > _MOST_DIGITS:
                break
            if len(digits) >= _FEWEST_DIGITS:
                yield digits, start, end


def _stretch_identifiers(
    digits: str, start: int, end: int, *, plus: bool, wanted: WantedNumbers
) -> Iterator[FoundIdentifier]:
    if wanted.resident_id and len(digits) in _RESIDENT_ID_LENGTHS and (value := resident_id(digits)):
        yield Field.RESIDENT_ID, value, start, end
    digits = digits.rstrip("Xx")
    if wanted.card and len(digits) >= _SHORTEST_CARD and (value := card(digits)):
        yield Field.CARD, value, start, end
    if wanted.phone:
        for value in phone_readings(digits, wanted.region, international=plus):
            yield Field.PHONE, value, start, end
