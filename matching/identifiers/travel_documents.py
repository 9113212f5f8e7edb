"""Travel documents: the number in a machine-readable zone (ICAO 9303), or the number alone in a column.

    TD3   passports           2 lines of 44   the second is enough
    TD2   older ID cards      2 lines of 36   the second is enough
    TD1   ID cards, permits   3 lines of 30   the first two are needed

A zone is recognised if all its check digits are right: of the number, of both dates and of the whole zone. A
number alone has no check digit, so it is accepted only in a column that is known to hold such numbers.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from matching.identifiers.fields import Field, FoundIdentifier

# The middle of every zone: date of birth with check digit, sex, expiry with check digit. The search skips to
# the letter of the sex; the lookbehind checks the date before it.
_CORE = re.compile(r"[MFX<](?<=\d{7}.)\d{7}", re.ASCII | re.DOTALL)
_BEFORE_SEX = 20  # characters before it in the second line of TD3 and TD2
_TD1_BEFORE_SEX = 7  # the same in the second line of TD1

_TD3 = re.compile(r"[A-Z0-9<]{9}\d[A-Z][A-Z<]{2}\d{7}[MFX<]\d{7}[A-Z0-9<]{14}[0-9<]\d", re.ASCII)
_TD2 = re.compile(r"[A-Z0-9<]{9}[0-9<][A-Z][A-Z<]{2}\d{7}[MFX<]\d{7}[A-Z0-9<]{7}\d", re.ASCII)
_TD1_FIRST = re.compile(r"[ACI][A-Z<][A-Z][A-Z<]{2}[A-Z0-9<]{9}[0-9<][A-Z0-9<]{15}", re.ASCII)
_TD1_SECOND = re.compile(r"\d{7}[MFX<]\d{7}[A-Z][A-Z<]{2}[A-Z0-9<]{11}\d", re.ASCII)
_TD1_GAP = 4  # most characters between two lines: a line break, spaces, an escaped `\n`

_WEIGHTS = (7, 3, 1)
_NUMBER = re.compile(r"(?=.*\d)[A-Z0-9]{5,9}|(?=(?:.*\d){6})[A-Z0-9]{10,15}", re.ASCII)


class Zone(NamedTuple):
    """A verified zone: the document's number and its place in the text."""

    number: str
    start: int
    end: int


def passport(value: str, _region: str = "") -> str | None:
    """Return the number in capitals without spaces and fillers; if the value is a zone, the zone's number.

    A number alone has 5 to 9 letters and digits with at least one digit, or up to 15 with at least six
    digits; not all equal.
    """
    zone = next(zones(value), None)
    if zone:
        return zone.number
    compact = re.sub(r"[ <-]", "", value).upper()
    return compact if _NUMBER.fullmatch(compact) and len(set(compact)) > 1 else None


def passports(text: str) -> Iterator[FoundIdentifier]:
    for zone in zones(text):
        yield Field.PASSPORT, zone.number, zone.start, zone.end


def zones(text: str) -> Iterator[Zone]:
    """Yield the verified zones of a text, in order of place."""
    for core in _CORE.finditer(text):
        sex = core.start()
        zone = _two_lines(text, sex - _BEFORE_SEX) or _three_lines(text, sex - _TD1_BEFORE_SEX)
        if zone:
            yield zone


def _two_lines(text: str, start: int) -> Zone | None:
    if start < 0:
        return None
    if (line := _TD3.match(text, start)) and _td3_is_right(line[0]):
        return _zone(text, start, start + 9)
    if (line := _TD2.match(text, start)) and _td2_is_right(line[0]):
        overflow = _overflow_length(line[0][28:35]) if line[0][9] == "<" else 0
        return _zone(text, start, start + (28 + overflow if overflow else 9), hidden=(9, 28))
    return None


def _td3_is_right(line: str) -> bool:
    return (
        _has_check_digit(line[:9], line[9])
        and _dates_are_right(line[13:28])
        and (_has_check_digit(line[28:42], line[42]) or (line[42] == "<" and line[28:42].strip("<") == ""))
        and _has_check_digit(line[:10] + line[13:20] + line[21:43], line[43])
    )


def _td2_is_right(line: str) -> bool:
    return (
        (line[9] == "<" or _has_check_digit(line[:9], line[9]))
        and _dates_are_right(line[13:28])
        and _has_check_digit(line[:10] + line[13:20] + line[21:35], line[35])
    )


def _three_lines(text: str, second: int) -> Zone | None:
    lower = _TD1_SECOND.match(text, second) if second >= 0 else None
    if lower is None or not _dates_are_right(lower[0][:15]):
        return None
    for gap in range(_TD1_GAP + 1):
        start = second - gap - 30
        upper = _TD1_FIRST.match(text, start, second - gap) if start >= 0 else None
        if upper and _td1_is_right(upper[0], lower[0]):
            overflow = _overflow_length(upper[0][15:]) if upper[0][14] == "<" else 0
            return _zone(text, start + 5, start + (15 + overflow if overflow else 14), hidden=(9, 10))
    return None


def _td1_is_right(first: str, second: str) -> bool:
    whole = first[5:] + second[:7] + second[8:15] + second[18:29]
    return (first[14] == "<" or _has_check_digit(first[5:14], first[14])) and _has_check_digit(
        whole, second[29]
    )


def _overflow_length(optional: str) -> int:
    """Return how many characters of a number longer than 9 stand in the optional data.

    Its check digit follows them.
    """
    return max(0, len(optional.partition("<")[0]) - 1)


def _zone(text: str, start: int, end: int, hidden: tuple[int, int] = (9, 9)) -> Zone | None:
    """Return the zone of a number. `hidden`: range of other characters inside a long number."""
    written = text[start:end]
    number = (written[: hidden[0]] + written[hidden[1] :]).replace("<", "")
    return Zone(number, start, end) if number else None


def _dates_are_right(dates: str) -> bool:
    """Check both dates of `date of birth, check digit, sex, expiry, check digit`."""
    return _has_check_digit(dates[:6], dates[6]) and _has_check_digit(dates[8:14], dates[14])


def _has_check_digit(written: str, check: str) -> bool:
    """Return whether `check` is right: weights 7, 3, 1; A counts 10, a filler 0 (ICAO 9303-3, 4.9)."""
    total = sum(_character_value(character) * _WEIGHTS[place % 3] for place, character in enumerate(written))
    return check == str(total % 10)


def _character_value(character: str) -> int:
    return 0 if character == "<" else int(character, 36)
