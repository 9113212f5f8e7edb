"""What only a column that is said to hold it gives: user names and account numbers.

Nothing about `summer99` or `20014577` tells that it is one, so no text is searched for them.
"""

import re
import unicodedata

_USERNAME_LENGTHS = range(2, 65)
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}", re.ASCII)
_SEPARATORS = re.compile(r"[ ./_-]")

# What stands in a column where nothing is known, and accounts that every system has. Thousands share them.
_PLACEHOLDERS = """
null none nil nan na n/a unknown undefined empty anonymous anon guest test admin administrator root user
username default deleted 无 空 未知 匿名 游客
"""
PLACEHOLDERS = frozenset(_PLACEHOLDERS.split())


def username(value: str, _region: str = "") -> str | None:
    """NFKC, small letters, without an @ before it; 2 to 64 characters with no space in between."""
    name = unicodedata.normalize("NFKC", value).casefold().removeprefix("@")
    if len(name) not in _USERNAME_LENGTHS or name in PLACEHOLDERS or not re.search(r"\w", name):
        return None
    return None if any(character.isspace() or not character.isprintable() for character in name) else name


def account(value: str, _region: str = "") -> str | None:
    """Capitals, without separators and leading zeros, which spreadsheets lose: 4 to 34 letters and digits.

    A digit is among them, and they are not all the same.
    """
    number = _SEPARATORS.sub("", value).upper()
    number = number.lstrip("0") if number.isdigit() else number
    plausible = _ACCOUNT.fullmatch(number) and re.search("[0-9]", number) and len(set(number)) > 1
    return number if plausible else None
