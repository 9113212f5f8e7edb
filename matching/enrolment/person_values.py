"""The values of a customer from which the tags of masked values are made.

Identifiers are those that were accepted for fingerprints. Name and birth date have columns of their own:
those that the user named, else by the names of the columns, else those of `name_birth_date`. A birth date
that no column has is read from the resident ID.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from matching.enrolment.column_choice import JOINED, FieldColumns, column_number
from matching.errors import CustomersWithoutColumns
from matching.identifiers import DateOrder, Field
from matching.identifiers.column_only import PLACEHOLDERS
from matching.identifiers.name_birth_dates import birth_dates
from matching.identifiers.numbering_plans import CODES
from matching.inputs.formats.columns import roles_of
from matching.masked_samples.sample_rows import Attribute
from matching.masked_samples.shown import is_joined_script
from text.folding import narrow_fold

_ATTRIBUTES = {
    Field.PHONE: Attribute.PHONE,
    Field.RESIDENT_ID: Attribute.RESIDENT_ID,
    Field.NATIONAL_ID: Attribute.NATIONAL_ID,
    Field.CARD: Attribute.CARD,
    Field.IBAN: Attribute.IBAN,
    Field.EMAIL: Attribute.EMAIL,
}
_COUNTRY = 2  # letters of the country before a national number
_NAME_PARTS = 2  # family name and given name


@dataclass(frozen=True, slots=True)
class PersonColumns:
    """The columns of a name, in one part or as family name and given name, and of a birth date; from 1 on."""

    name: tuple[int, ...] = ()
    born: int = 0  # 0: no column

    @classmethod
    def of(
        cls, names: Sequence[str], chosen: Sequence[FieldColumns], name: str | None, born: str | None
    ) -> "PersonColumns":
        """`name` and `born`: as the user named them, such as `2+3`. Raises CustomersWithoutColumns."""
        roles = roles_of(names)
        group = next((one.columns for one in chosen if one.field is Field.NAME_BIRTH_DATE), ())
        born_column = _first(roles, "birth_date") or (group[-1] if group else 0)
        return cls(
            _named_name(name, names) if name else _recognised_name(roles) or group[:-1][:_NAME_PARTS],
            column_number(born, names) if born else born_column,
        )


def _named_name(name: str, names: Sequence[str]) -> tuple[int, ...]:
    if name in names:
        return (column_number(name, names),)
    columns = tuple(column_number(part, names) for part in name.split(JOINED))
    if len(columns) > _NAME_PARTS:
        raise CustomersWithoutColumns(
            f"{name!r} names {len(columns)} columns; expected the column of the name, or those of the family "
            f"name and the given name, such as --name 2{JOINED}3"
        )
    return columns


def _recognised_name(roles: Sequence[str | None]) -> tuple[int, ...]:
    family, given = _first(roles, "family_name"), _first(roles, "given_name")
    if whole := _first(roles, "name"):
        return (whole,)
    return (family, given) if family and given else ()


def _first(roles: Sequence[str | None], role: str) -> int:
    return roles.index(role) + 1 if role in roles else 0


@dataclass(slots=True)
class PersonValues:
    """The values of the customers of one batch, by attribute."""

    columns: PersonColumns
    order: DateOrder | None
    count: int
    values: dict[Attribute, list[list[str]]] = field(default_factory=dict)

    def add_forms(self, name: Field, row: int, forms: Sequence[str]) -> None:
        """Add the accepted values of a field of a customer, each in its first form."""
        attribute = _ATTRIBUTES.get(name)
        if attribute is None:
            return
        column = self.values.get(attribute)
        if column is None:
            column = self.values[attribute] = [[] for _ in range(self.count)]
        for form in forms:
            value = without_country(attribute, form)
            if value not in column[row]:
                column[row].append(value)

    def add_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Add names and birth dates; call it after all forms were added."""
        if self.columns.name:
            places = [number - 1 for number in self.columns.name]
            self.values[Attribute.NAME] = [_found(_name_of(row, places)) for row in rows]
        residents = self.values.get(Attribute.RESIDENT_ID)
        if self.columns.born:
            place = self.columns.born - 1
            self.values[Attribute.BIRTH_DATE] = [
                _found(_born(row[place].strip(), self.order) if len(row) > place else "") for row in rows
            ]
        elif residents is not None:
            self.values[Attribute.BIRTH_DATE] = [
                [f"{one[0][6:10]}-{one[0][10:12]}-{one[0][12:14]}"] if one else [] for one in residents
            ]


def _found(value: str) -> list[str]:
    return [value] if value else []


def without_country(attribute: Attribute, form: str) -> str:
    """Return a canonical form as samples show it: without the code or the letters of a country."""
    if attribute is Attribute.PHONE:
        return form[1 + _code_length(form[1:4]) :]
    return form[_COUNTRY:] if attribute is Attribute.NATIONAL_ID else form


@lru_cache(1 << 12)
def _code_length(digits: str) -> int:
    return next((size for size in (1, 2, 3) if digits[:size] in CODES), 0)


def _name_of(row: Sequence[str], places: Sequence[int]) -> str:
    """Return a name: in Han, kana or Hangul the family name first, otherwise last."""
    parts = [row[place].strip() for place in places if place < len(row)]
    parts = [part for part in parts if part and part.casefold() not in PLACEHOLDERS]
    if len(parts) < _NAME_PARTS:
        return "".join(parts)
    return "".join(parts) if is_joined_script(parts[0]) else " ".join(reversed(parts))


@lru_cache(1 << 16)
def _born(cell: str, order: DateOrder | None) -> str:
    found = birth_dates(cell if cell.isascii() else narrow_fold()(cell).text, order)
    return found[0].isoformat() if len(found) == 1 else ""
