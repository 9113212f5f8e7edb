"""User names and account numbers: fields that are recognised only in a column that is known to hold them.

Nothing in `summer99` or `20014577` shows what it is, so texts are not searched for them.
"""

import re
import unicodedata

_USERNAME_LENGTHS = range(2, 65)
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}", re.ASCII)
_SEPARATORS = re.compile(r"[ ./_-]")

# Values that columns hold where nothing is known, and accounts that every system has. Thousands share them.
_PLACEHOLDERS = """
null none nil nan na n/a unknown undefined empty anonymous anon guest test admin administrator root user
username default deleted 无 空 未知 匿名 游客
"""
PLACEHOLDERS = frozenset(_PLACEHOLDERS.split())


def username(value: str, _region: str = "") -> str | None:
    """Return NFKC in lower case without a leading @: 2 to 64 characters, no spaces inside."""
    name = unicodedata.normalize("NFKC", value).casefold().removeprefix("@")
    if len(name) not in _USERNAME_LENGTHS or name in PLACEHOLDERS or not re.search(r"\w", name):
        return None
    return None if any(character.isspace() or not character.isprintable() for character in name) else name


def account(value: str, _region: str = "") -> str | None:
    """Return capitals without separators and without leading zeros, which spreadsheets drop.

    4 to 34 letters and digits, at least one digit, not all equal.
    """
    number = _SEPARATORS.sub("", value).upper()
    number = number.lstrip("0") if number.isdigit() else number
    plausible = _ACCOUNT.fullmatch(number) and re.search("[0-9]", number) and len(set(number)) > 1
    return number if plausible else None
