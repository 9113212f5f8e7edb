"""The values that a cell holds, without what programs and people write around them.

A spreadsheet leaves an apostrophe or `="..."` around a number that it was told to keep as text. A program
that read a column as numbers writes `491713920001.0`, whose last two signs are no part of the number. A cell
may hold several e-mail addresses or telephone numbers; all belong to the row.
"""

import re

from matching.identifiers.fields import Field
from text.folding import narrow_fold

_AS_WRITTEN = frozenset({Field.USERNAME, Field.NAME_BIRTH_DATE})  # any sign may be a part of these
_AS_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_APOSTROPHES = "'‘’‛`´"
# Groups of an account's number may end in zeros (1200.00), so only a single zero is surely no group there.
_READ_AS_NUMBER = re.compile(r"(\+?\d{7,})[.,]0{1,2}", re.ASCII)
_DOTTED_READ_AS_NUMBER = re.compile(r"(\d{4,})\.0", re.ASCII)
_DOTTED = frozenset({Field.ACCOUNT, Field.DRIVING_LICENCE})

_BETWEEN_EMAILS = re.compile(r"[\s;,|/<>()\[\]\"'、；，]+")
_BETWEEN_PHONES = (  # tried in this order; a / alone is often a part of the number
    re.compile(r"[;,|\n、；，]"),
    re.compile(r"\s/\s|\s(?:und|or|oder|o|ou|y|et|и|или)\s|[或和]", re.IGNORECASE),
    re.compile(r"/"),
)
_LABEL = re.compile(r"[^\W\d_]{1,12}[.:]{1,2}\s*(?=[+(\d])")  # Tel.: 0171...
_MAIL_LINK = re.compile(r"mailto:", re.IGNORECASE)


def bare_value(field: Field, cell: str) -> str:
    """Return the cell without the signs that a program added to it."""
    if field in _AS_WRITTEN:
        return cell
    value = (cell if cell.isascii() else narrow_fold()(cell).text).strip()
    if formula := _AS_FORMULA.fullmatch(value):
        value = formula[1].strip()
    if value[:1] in _APOSTROPHES:
        value = value.strip(_APOSTROPHES + " ")
    if field is Field.PHONE and (label := _LABEL.match(value)):
        value = value[label.end() :]
    if field is Field.EMAIL:
        value = _MAIL_LINK.sub("", value)
    number = (_DOTTED_READ_AS_NUMBER if field in _DOTTED else _READ_AS_NUMBER).fullmatch(value)
    return number[1] if number else value


def email_parts(value: str) -> list[str]:
    """Return the parts of a cell that may be addresses, where the whole is none."""
    return [part.rstrip(".") for part in _BETWEEN_EMAILS.split(value) if "@" in part]


def phone_parts(value: str) -> list[list[str]]:
    """Return the ways to part a cell that may hold several numbers; texts without a digit are left out."""
    ways = ([part.strip() for part in between.split(value)] for between in _BETWEEN_PHONES)
    parted = ([part for part in way if re.search(r"\d", part)] for way in ways if len(way) > 1)
    return [[bare_value(Field.PHONE, part) for part in parts] for parts in parted if parts]
