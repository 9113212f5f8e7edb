"""Which people a line shows, and whether what it shows of one is worth a row."""

from __future__ import annotations

from collections.abc import Sequence

from matching.masked_samples.row_tables import RawRow
from matching.masked_samples.sample_rows import Attribute, VisibleValue

#: Values that belong to one person, and characters that must be visible of one that stands alone.
_SHOWN = {
    Attribute.PHONE: 5,
    Attribute.RESIDENT_ID: 5,
    Attribute.NATIONAL_ID: 4,
    Attribute.CARD: 6,
    Attribute.IBAN: 6,
    Attribute.EMAIL: 1,
}


def has_identifier(values: Sequence[VisibleValue]) -> bool:
    return any(value.attribute in _SHOWN for value in values)


def has_name(values: Sequence[VisibleValue]) -> bool:
    return any(value.attribute is Attribute.NAME for value in values)


def has_mask(value: VisibleValue) -> bool:
    """Return whether signs hide a part of a value. Initials and 张先生 are how people are written, too."""
    return value.is_masked and (value.attribute is not Attribute.NAME or value.hidden is not None)


def people_of(row: RawRow) -> list[list[VisibleValue]]:
    """Return the values of each person of a line: `张*138****1234，李*139****5678` shows two."""
    values = list(dict.fromkeys(row.values))
    kinds = [value.attribute for value in values]
    names = kinds.count(Attribute.NAME)
    for size in range(1, len(kinds) // 2 + 1):
        if len(kinds) % size == 0 and kinds == kinds[:size] * (len(kinds) // size):
            if (size == 1 and len(kinds) > 2 and not names) or (size > 1 and Attribute.NAME in kinds[:size]):
                return [values[at : at + size] for at in range(0, len(values), size)]
            break
    if names > 1:  # whose they are is not certain
        return [[value for value in values if value.attribute is not Attribute.NAME]]
    return [values]


def joined_pairs(rows: Sequence[RawRow]) -> list[RawRow]:
    """Return the rows; where lines with a name and lines with a number take turns, two are one person.

    They do only if all the lines that follow one another do so, twice or more: else it is not certain which
    name belongs to which number.
    """
    kept: list[RawRow] = []
    at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and _take_turns(rows[end - 1], rows[end]):
            end += 1
        if end - at >= _PAIR_LINES and (end - at) % 2 == 0:
            kept += [_joined(*rows[first : first + 2]) for first in range(at, end, 2)]
        else:
            kept += rows[at:end]
        at = end
    return kept


_PAIR_LINES = 4


def _take_turns(one: RawRow, two: RawRow) -> bool:
    if two.line != one.line + 1:
        return False
    return (_is_name(one) and _is_number(two)) or (_is_number(one) and _is_name(two))


def _is_name(row: RawRow) -> bool:
    return [value.attribute for value in row.values] == [Attribute.NAME]


def _is_number(row: RawRow) -> bool:
    return has_identifier(row.values) and not has_name(row.values)


def _joined(one: RawRow, two: RawRow) -> RawRow:
    row = RawRow(one.line, one.start, two.end, [*one.columns, *two.columns], one.labelled or two.labelled)
    row.values = [*one.values, *two.values]
    return row


def is_row(values: Sequence[VisibleValue], *, listed: bool, beside_masked: bool) -> bool:
    """Return whether values say enough of a person.

    A name and a birth date do together, but neither does alone, nor four digits of a card. Of a row with
    nothing hidden two kinds must be there, in a list or with labels (`listed`), or masked rows beside it.
    """
    kinds = {value.attribute for value in values}
    if not any(map(has_mask, values)):
        if not has_identifier(values):
            return False
        return beside_masked or (len(kinds) > 1 and listed) or len(kinds) > 2
    if not has_identifier(values):
        return len(kinds) == 2
    if len(kinds) > 1:
        return True
    return any(
        not value.is_masked or len(value.head) + len(value.tail) >= _SHOWN[value.attribute]
        for value in values
    )
