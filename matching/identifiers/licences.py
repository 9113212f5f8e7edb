"""Driving licences: in texts those with a published check digit, in columns any number.

    Japan    12 digits: public safety commission, year, serial, check digit (modulus 11), copies issued
    Brazil   11 digits (CNH): 9 digits and two check digits (modulus 11)
    Spain    the number of the identity card (DNI, NIE): 8 digits and a letter (modulus 23)

Chinese licences have the number of the resident ID (`resident_id`). Britain and Korea do not publish their
check characters.
"""

import re
from collections.abc import Iterator

from matching.identifiers.fields import Field, FoundIdentifier

# Public safety commissions of the prefectures and of Hokkaido's five districts; 00: licences from abroad.
_COMMISSION_NUMBERS = """
00 10 11 12 13 14 20 21 22 23 24 25 30 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 60 61 62 63 64 65
70 71 72 73 74 80 81 82 83 90 91 92 93 94 95 96 97
"""
_COMMISSIONS = frozenset(_COMMISSION_NUMBERS.split())
_JAPANESE_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIE_DIGITS = {"X": "0", "Y": "1", "Z": "2"}

# The first character stands before the lookbehind, so that the search can skip to it.
_LICENCE = re.compile(
    r"[\dXYZ](?<![A-Za-z0-9].)(?:(?<=\d)\d{10,11}|\d{7}-?[A-Z])(?![A-Za-z0-9])", re.ASCII | re.DOTALL
)
_CHECKED = re.compile(r"\d{11,12}|[\dXYZ]\d{7}[A-Z]", re.ASCII)
_NUMBER = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)


def driving_licence(value: str, _region: str = "") -> str | None:
    """Return capitals without separators: 5 to 20 letters and digits, at least one digit, not all equal."""
    compact = re.sub(r"[ ./-]", "", value).upper()
    plausible = _NUMBER.fullmatch(compact) and re.search("[0-9]", compact) and len(set(compact)) > 1
    return compact if plausible else None


def driving_licences(text: str) -> Iterator[FoundIdentifier]:
    """Yield licences with right check digits, in order of place."""
    for written in _LICENCE.finditer(text):
        number = written[0].replace("-", "")
        if has_right_check_digit(number):
            yield Field.DRIVING_LICENCE, number, written.start(), written.end()


def has_right_check_digit(number: str) -> bool:
    """Return whether the number has the form and check digit of a Japanese, Brazilian or Spanish licence."""
    if not _CHECKED.fullmatch(number) or len(set(number)) == 1:
        return False
    if len(number) == 12:
        return _is_japanese(number)
    return _is_brazilian(number) if len(number) == 11 else _is_spanish(number)


def _is_japanese(number: str) -> bool:
    """The check digit is the last digit of 11 minus the weighted sum modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(number, _JAPANESE_WEIGHTS, strict=False))
    return number[:2] in _COMMISSIONS and int(number[10]) == (11 - total % 11) % 10


def _is_brazilian(number: str) -> bool:
    """A first remainder of 10 counts as 0 and lowers the second by 2; a second of 10 counts as 0 as well."""
    digits = [int(digit) for digit in number[:9]]
    first = sum(digit * (9 - place) for place, digit in enumerate(digits)) % 11
    second = sum(digit * (1 + place) for place, digit in enumerate(digits)) % 11
    off = 2 if first == 10 else 0
    return number[9:] == f"{first % 10}{(second - off) % 11 % 10}"


def _is_spanish(number: str) -> bool:
    return number[8] == _SPANISH_LETTERS[int(_NIE_DIGITS.get(number[0], number[0]) + number[1:8]) % 23]
