"""Resident IDs of the People's Republic of China (GB 11643-1999), and the earlier form of 15 digits."""

import re
from datetime import date

# First two digits of a resident ID (GB/T 2260); from 71: Taiwan, Hong Kong, Macau, and permits (83).
_PROVINCES = """
11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81
82 83
"""
PROVINCES = frozenset(_PROVINCES.split())

RESIDENT_ID = re.compile(
    r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]", re.ASCII
)
_OLD = re.compile(r"\d{8}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}", re.ASCII)
_WEIGHTS = [pow(2, 17 - place, 11) for place in range(18)]  # ISO 7064 MOD 11-2
_CHECK_DIGITS = "10X98765432"  # indexed by the weighted sum of the first 17 digits, modulo 11


def resident_id(value: str, _region: str = "") -> str | None:
    """Return 18 characters with a capital X, if province, date and check digit are right.

    Counties change, so any county is accepted. Numbers of 15 digits were issued until 1999 and have no check
    digit and no century. With 19 and the check digit added they are the number that the person has now.
    """
    digits = value.replace(" ", "").replace("-", "")
    if digits[:2] not in PROVINCES:
        return None
    if len(digits) == 15:
        return _from_15_digits(digits) if _OLD.fullmatch(digits) else None
    if not RESIDENT_ID.fullmatch(digits):
        return None
    if digits[-1].upper() != _check_digit(digits[:-1]):
        return None
    return digits.upper() if _is_date(digits[6:14]) else None


def _from_15_digits(digits: str) -> str | None:
    number = f"{digits[:6]}19{digits[6:]}"
    return number + _check_digit(number) if _is_date(number[6:14]) else None


def _check_digit(number: str) -> str:
    """Return the check digit of 17 digits (ISO 7064 MOD 11-2)."""
    return _CHECK_DIGITS[sum(map(int.__mul__, map(int, number), _WEIGHTS)) % 11]


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True
