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
