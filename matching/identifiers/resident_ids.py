"""Resident IDs of the People's Republic of China (GB 11643-1999), and the form of 15 digits before them."""

import re
from datetime import date

from matching.identifiers.countries import PROVINCES

RESIDENT_ID = re.compile(
    r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]", re.ASCII
)
_OLD = re.compile(r"\d{8}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}", re.ASCII)
_WEIGHTS = [pow(2, 17 - place, 11) for place in range(18)]  # ISO 7064 MOD 11-2
_CHECK_DIGITS = "10X98765432"  # by the weighted sum of the 17 digits before, modulo 11


def resident_id(value: str, _region: str = "") -> str | None:
    """18 characters, X large. Province, date and check digit are right; counties change, so any will do.

    15 digits have no check digit and no century. They were issued until 1999; with 19 and the check digit
    that follows from it they equal the number that the same person has now.
    """
    digits = value.replace(" ", "").replace("-", "")
    if digits[:2] not in PROVINCES:
        return None
    if len(digits) == 15:
        return _renewed(digits) if _OLD.fullmatch(digits) else None
    if not RESIDENT_ID.fullmatch(digits):
        return None
    if digits[-1].upper() != _check_digit(digits[:-1]):
        return None
    return digits.upper() if _is_date(digits[6:14]) else None


def _renewed(digits: str) -> str | None:
    number = f"{digits[:6]}19{digits[6:]}"
    return number + _check_digit(number) if _is_date(number[6:14]) else None


def _check_digit(number: str) -> str:
    """Of 17 digits."""
    return _CHECK_DIGITS[sum(map(int.__mul__, map(int, number), _WEIGHTS)) % 11]


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True
