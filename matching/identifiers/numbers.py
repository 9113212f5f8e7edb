"""Numbers in text: telephone numbers, resident IDs and cards, which all are groups of digits.

One run of digits may be each of them, and several of them beside one another: all that it may be is found.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from matching.identifiers.cards import card
from matching.identifiers.fields import Field, FoundIdentifier
from matching.identifiers.numbering_plans import e164, home_plan
from matching.identifiers.resident_ids import resident_id

_GROUPS = 6  # groups of digits that one number may be written in
_DIGITS = 19  # digits of the longest number, a card
_SHORTEST = 7
_PHONE_LENGTHS = range(7, 18)
_GLUED_LENGTHS = range(10, 16)  # of a country code and a number; E.164 has 15 digits at most
_WRITTEN_PHONE = re.compile(r"\(?\+?[\d ().\-/]{7,40}", re.ASCII)

# A run of groups of digits, seven at least, with at most two characters between two of them. Possessive: read
# once; what begins in the middle of a run that is too short is shorter still.
_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/]{0,2}\d){6,}+[Xx]?", re.ASCII)
_GROUP = re.compile(r"\d+[Xx]?", re.ASCII)


class WantedNumbers(NamedTuple):
    """Which kinds of number are looked for, and where a telephone number without + belongs."""

    region: str
    resident_id: bool
    card: bool
    phone: bool


def phone(value: str, region: str) -> str | None:
    """E.164: the first of its readings."""
    return next(iter(phones(value, region)), None)


def phones(value: str, region: str) -> list[str]:
    """The readings of a written number; see `readings`."""
    if not is_written_phone(value):
        return []
    return readings(re.sub(r"[^0-9]", "", value), region, international="+" in value)


def is_written_phone(value: str) -> bool:
    """Whether it looks like a number, of whatever plan."""
    return bool(_WRITTEN_PHONE.fullmatch(value))


def readings(digits: str, region: str, *, international: bool) -> list[str]:
    """None, one or two numbers in E.164.

    1. What the region makes of the digits: a number with + or its own prefix says its country itself.
    2. What they are behind a + that was lost: with a country code in front (`447...` in a list from
       everywhere), or 00 where the region dials something else. Asked for where 1 gives nothing, and where
       the digits begin with the region's own code: `4915...` may be German twice, for lists lose zeros too.
    """
    if len(digits) not in _PHONE_LENGTHS:
        return []
    number = e164(digits, region, international=international)
    found = [number] if number else []
    if international or (number and not digits.startswith(home_plan(region).code)):
        return found
    lost = digits.removeprefix("00")
    if len(lost) in _GLUED_LENGTHS and lost[0] != "0":
        other = e164(lost, region, international=True)
        if other and other != number:
            found.append(other)
    return found


def numbers(text: str, wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    """In order of run; within a run by first group, then by length; a stretch as ID, card, then phone."""
    for run in _RUN.finditer(text):
        written = run[0]
        if written.isdigit():  # most runs are one group
            if len(written) <= _DIGITS:
                yield from _named(written, run.start(), run.end(), plus=False, wanted=wanted)
        else:
            yield from _in_run(text, run, wanted)


def _in_run(text: str, run: re.Match[str], wanted: WantedNumbers) -> Iterator[FoundIdentifier]:
    """A number without its country code is not found again in the number with it."""
    ends: dict[tuple[Field, str], int] = {}
    for digits, start, end in stretches(text, run):
        plus = text[run.start()] == "+" and text[run.start() + 1 : start] in ("", "(")
        for found in _named(digits, start, end, plus=plus, wanted=wanted):
            if start >= ends.get(found[:2], 0):
                ends[found[:2]] = end
                yield found


def stretches(text: str, run: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """The digits, start and end of whole groups of a run that may be one number: 7 to 19 digits in a row.

    `110101189901010010 17000000000` holds two, `4111 1111 1111 1111` is one: all are among the stretches.
    """
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, run.start(), run.end())]
    for number, (start, _) in enumerate(groups):
        digits = ""
        for first, end in groups[number : number + _GROUPS]:
            digits += text[first:end]
            if len(digits) > _DIGITS:
                break
            if len(digits) >= _SHORTEST:
                yield digits, start, end


def _named(
    digits: str, start: int, end: int, *, plus: bool, wanted: WantedNumbers
) -> Iterator[FoundIdentifier]:
    if wanted.resident_id and len(digits) in (15, 18) and (value := resident_id(digits)):
        yield Field.RESIDENT_ID, value, start, end
    digits = digits.rstrip("Xx")
    if wanted.card and len(digits) >= 13 and (value := card(digits)):
        yield Field.CARD, value, start, end
    if wanted.phone:
        for value in readings(digits, wanted.region, international=plus):
            yield Field.PHONE, value, start, end
