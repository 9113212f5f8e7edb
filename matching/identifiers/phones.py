"""Telephone numbers: the order in which it is decided whether something is one, and which one.

1. The written form. A cell must consist of digits and the separators of `_WRITTEN_PHONE`
   (`is_written_phone`), and be no date, decimal or address. In a text, `digit_runs` offers each stretch of 7
   to 19 digits of a run of groups, without ordinary numbers (`ordinary_numbers`).
2. The readings (`phone_readings`). 7 to 17 digits are read as a number of the default region, or as an
   international number if a + stands before them. A + or 00 that was lost gives a second reading.
3. The numbering plan (`numbering_plans.e164`). It splits off the country code and the national prefix and
   checks length and pattern, with the metadata of `phonenumbers`. The result is E.164 or None.

The native scanner gives the same answers. Its part of the order:

4. At installation `setup/phone_automata.py` turns step 3 into automata, one per region and one per country
   code, with the pattern compiler `setup/digit_graphs.py`. `matching/scanning/plan_tables.py` keeps them.
5. `matching/native/phones.c` applies step 2 and walks the automata. Where an automaton cannot answer, it
   calls step 3 (`matching/scanning/native_phones.py`).
"""

import re

from matching.identifiers.numbering_plans import e164, home_plan
from matching.identifiers.ordinary_numbers import is_ordinary_value

_LENGTHS = range(7, 18)  # digits of a number with all prefixes
_LOST_PLUS_LENGTHS = range(10, 16)  # digits of a country code and a number; E.164 has 15 at most
_WRITTEN_PHONE = re.compile(r"\(?\+?[\d ().\-/_]{7,40}", re.ASCII)


def phone(value: str, region: str) -> str | None:
    """Return E.164: the first of the readings."""
    return next(iter(phones(value, region)), None)


def phones(value: str, region: str) -> list[str]:
    """Return the readings of a written number in E.164; see `phone_readings`."""
    if not is_written_phone(value) or is_ordinary_value(value):
        return []
    return phone_readings(re.sub(r"[^0-9]", "", value), region, international="+" in value)


def is_written_phone(value: str) -> bool:
    """Return whether the value has the written form of a number of any plan."""
    return bool(_WRITTEN_PHONE.fullmatch(value))


def phone_readings(digits: str, region: str, *, international: bool) -> list[str]:
    """Return no number, one, or two in E.164. `international`: a + stands before the digits.

    1. The number that the digits are in the region. After a + or the region's international prefix they begin
       with their country code.
    2. The number that they are after a lost +: with a country code in front (`447...` in a list from many
       countries), or with a 00 that the region does not dial. This is tried if 1 gives nothing, and if the
       digits begin with the region's own code: `4915...` can be two German numbers, because lists lose
       leading zeros too.
    """
    if len(digits) not in _LENGTHS:
        return []
    number = e164(digits, region, international=international)
    found = [number] if number else []
    if international or (number and not digits.startswith(home_plan(region).code)):
        return found
    lost = digits.removeprefix("00")
    if len(lost) in _LOST_PLUS_LENGTHS and lost[0] != "0":
        other = e164(lost, region, international=True)
        if other and other != number:
            found.append(other)
    return found
