"""Chooses the columns of a customer list to enrol, and turns their cells into canonical forms.

Columns that the user named come first; for other fields, columns whose names are known. A field has one
column or several of its kind (two telephone numbers). A name with a birth date has a group of columns: one or
more with the name, the family name first, then the date. A column of national numbers has a country: that
which the user named, else that of which most of its numbers are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from matching.errors import CustomersWithoutColumns
from matching.identifiers import (
    COUNTRIES,
    DateOrder,
    Field,
    bare_value,
    cell_forms,
    composite,
    country_of_column,
    refusal,
)
from matching.inputs.formats.columns import COLUMNS_LIMIT, Column, role_by_content, role_of, roles_of

JOINED = "+"  # between the columns of a group: name_birth_date=2+3+7
COUNTRY = ":"  # between a column and its country: national_id=4:PL
_GROUP_SIZES = range(2, 5)

# A cell of one of these fields may hold a value of one of _REPEATABLE instead: a login is often the e-mail
# address, an account number the card's number.
_MAY_REPEAT = frozenset({Field.USERNAME, Field.ACCOUNT, Field.PASSPORT, Field.DRIVING_LICENCE})
_REPEATABLE = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)


class FieldColumns(NamedTuple):
    """A column, or a group of columns, that holds the values of a field. Columns are numbered from 1."""

    field: Field
    columns: tuple[int, ...]
    country: str = ""  # of national numbers

    def cells(self, row: Sequence[str]) -> list[str]:
        """Return the cells of a row, "" for each that the row does not have.

        A national number gets its country in front: `PL:44051401359`.
        """
        cells = [row[number - 1] if len(row) >= number else "" for number in self.columns]
        if self.country and cells[0].strip():
            return [f"{self.country}{COUNTRY}{bare_value(self.field, cells[0])}"]
        return cells


class ValueReader(NamedTuple):
    """Turns the cells of a field's columns into canonical forms."""

    field: Field
    region: str  # of telephone numbers without +
    order: DateOrder | None  # of dates such as 03/04/1990; None: they are refused

    def values(self, cells: Sequence[str]) -> list[list[str]]:
        """Return the forms of each value in the cells.

        A value has one form or two: a telephone number with two readings is enrolled as both.
        """
        if self.field is Field.NAME_BIRTH_DATE:
            form = composite(cells[:-1], cells[-1], self.order)
            return [[form]] if form else []
        return cell_forms(self.field, cells[0], self.region)

    def new_values(self, cells: Sequence[str], known: set[str]) -> list[list[str]]:
        """Return the forms to enrol and add them to `known`, the customer's forms so far in lower case.

        Empty if the cells only repeat a known form.
        """
        found = self.values(cells)
        if not found or self._repeats(cells, known):
            return []
        known.update(form.casefold() for forms in found for form in forms)
        if self.field is Field.NATIONAL_ID:  # without its country it may be an account or a licence
            known.update(form[2:].casefold() for forms in found for form in forms)
        return found

    def _repeats(self, cells: Sequence[str], known: Collection[str]) -> bool:
        """Return whether the cells repeat a value of the customer's other fields.

        If it were enrolled twice, one value of a leak would agree on two fields and pass for a coherent row.
        """
        if self.field not in _MAY_REPEAT:
            return False
        fields = (self.field, *_REPEATABLE)
        return any(
            form.casefold() in known
            for field in fields
            for forms in cell_forms(field, cells[0], self.region)
            for form in forms
        )

    def refusal(self, cells: Sequence[str]) -> str:
        """Return the reason why the cells gave no form, as a slug."""
        if self.values(cells):
            return "repeated"
        if self.field is Field.NAME_BIRTH_DATE:
            return refusal(self.field, f"{' '.join(cells[:-1])}|{cells[-1]}")
        return refusal(self.field, bare_value(self.field, cells[0]))


def field_columns(
    names: Sequence[str],
    named: Mapping[Field, Sequence[str]],
    sample: Sequence[Sequence[str]] = (),
    region: str = "",
) -> list[FieldColumns]:
    """Return the columns to enrol: national numbers, which others may repeat, then by the order of fields.

    `names`: the header; `named`: columns that the user named per field, by number or name, as in --column.
    `sample` and `region`: rows, and the country of their telephone numbers, from which the message says what
    columns look like. Raises CustomersWithoutColumns if there are none.
    """
    by_role = _numbers_by_role(names)
    national = _national_columns(by_role, sample, region)
    found = list(
        chain.from_iterable(
            _named_columns(field, named[field], names, sample, region)
            if named.get(field)
            else national
            if field is Field.NATIONAL_ID
            else _recognised_columns(field, by_role)
            for field in (Field.NATIONAL_ID, *(field for field in Field if field is not Field.NATIONAL_ID))
        )
    )
    if not found:
        looks = left_out([], [names, *sample], (), region) if region else []
        raise CustomersWithoutColumns(
            f"none of the {len(names)} columns has a name that is known for {', '.join(Field)}; "
            + (f"{in_words(looks)}; " if looks else "")
            + "name the columns, such as --column email=2"
        )
    return found


def left_out(
    names: Sequence[str], sample: Sequence[Sequence[str]], chosen: Iterable[FieldColumns], region: str
) -> list[Column]:
    """Return the columns that are not read although most of their cells look like identifiers.

    Not among them: columns whose name says that they hold something else.
    """
    read = {number for source in chosen for number in source.columns}
    width = min(COLUMNS_LIMIT, max(map(len, [*sample, names]), default=0))
    found = []
    for number, name in enumerate([*names, *([""] * width)][:width], 1):
        if number in read or role_of(name):
            continue
        cells = (bare_value(Field.CARD, row[number - 1]) for row in sample if len(row) >= number)
        role = role_by_content(cells, (region,), name)
        if role:
            found.append(Column(number, role, ""))
    return found


def in_words(columns: Sequence[Column]) -> str:
    """Return what columns look like, and how they would be named, without a word of the list."""
    looks = ", ".join(f"column {column.number} looks like {column.role}" for column in columns)
    options = " ".join(f"--column {column.role}={column.number}" for column in columns)
    return f"{looks} ({options})"


def _numbers_by_role(names: Sequence[str]) -> dict[str | None, list[int]]:
    by_role: dict[str | None, list[int]] = {}
    for number, role in enumerate(roles_of(names), 1):
        by_role.setdefault(role, []).append(number)
    return by_role


def _recognised_columns(field: Field, by_role: Mapping[str | None, list[int]]) -> Iterable[FieldColumns]:
    if field is not Field.NAME_BIRTH_DATE:
        return [FieldColumns(field, (number,)) for number in by_role.get(field.value, ())]
    born, family, given = (by_role.get(role, []) for role in ("birth_date", "family_name", "given_name"))
    if not born:
        return []
    groups: list[tuple[int, ...]] = [(number,) for number in by_role.get("name", ())]
    if family and given:
        groups.append((family[0], given[0]))
    return [FieldColumns(field, (*group, born[0])) for group in groups]


def _national_columns(
    by_role: dict[str | None, list[int]], sample: Sequence[Sequence[str]], region: str
) -> list[FieldColumns]:
    """Return the columns of national numbers, which are no longer columns of resident IDs.

    A column named `id_number` may hold either, so its cells decide.
    """
    found = []
    for role in (Field.NATIONAL_ID.value, Field.RESIDENT_ID.value):
        for number in by_role.get(role, [])[:]:
            if country := country_of_column(_cells_of(sample, number), region):
                by_role[role].remove(number)
                found.append(FieldColumns(Field.NATIONAL_ID, (number,), country))
    return found


def _cells_of(sample: Sequence[Sequence[str]], number: int) -> list[str]:
    return [bare_value(Field.NATIONAL_ID, row[number - 1]) for row in sample if len(row) >= number]


def _named_national_column(
    column: str, names: Sequence[str], sample: Sequence[Sequence[str]], region: str
) -> FieldColumns:
    """Return the column and country of `4:PL`, or `4` where the cells show the country."""
    written, _, country = column.rpartition(COUNTRY)
    if not written or country not in COUNTRIES:
        number = column_number(column, names)
        found = country_of_column(_cells_of(sample, number), region)
        if found is None:
            raise CustomersWithoutColumns(
                f"column {number} does not show of which country its national numbers are; name it, such as "
                f"--column {Field.NATIONAL_ID}={number}{COUNTRY}PL. Countries: {', '.join(COUNTRIES)}"
            )
        return FieldColumns(Field.NATIONAL_ID, (number,), found)
    return FieldColumns(Field.NATIONAL_ID, (column_number(written, names),), country)


def _named_columns(
    field: Field,
    columns: Sequence[str],
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    region: str,
) -> Iterable[FieldColumns]:
    for column in columns:
        if field is Field.NATIONAL_ID:
            yield _named_national_column(column, names, sample, region)
            continue
        if field is not Field.NAME_BIRTH_DATE:
            yield FieldColumns(field, (column_number(column, names),))
            continue
        group = tuple(column_number(part, names) for part in column.split(JOINED))
        if len(group) not in _GROUP_SIZES:
            raise CustomersWithoutColumns(
                f"{column!r} names {len(group)} columns; expected one to three columns of the name and then "
                f"the column of the birth date, such as --column {field}=2{JOINED}3{JOINED}7"
            )
        yield FieldColumns(field, group)


def column_number(column: str, names: Sequence[str]) -> int:
    """Return the number, from 1 on, of a column that the user named; raise CustomersWithoutColumns."""
    if column.isdecimal() and int(column) > 0:
        return int(column)
    if column in names:
        return names.index(column) + 1
    raise CustomersWithoutColumns(
        f"there is no column {column!r}; expected a number from 1 or a name of the header"
    )
