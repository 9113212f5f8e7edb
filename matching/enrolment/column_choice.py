"""Which columns of a customer list are enrolled: those that are said, else those whose names are known.

A field has one column, or several of its kind (two telephone numbers). A name with a birth date has a group
of columns: the name in one or two of them, the family name first, then the date.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from matching.errors import CustomersWithoutColumns
from matching.identifiers import DateOrder, Field, composite, forms, refusal
from matching.inputs.formats.columns import role_of

JOINED = "+"  # between the columns of a group: name_birth_date=2+3+7
_GROUP_SIZES = range(2, 5)

# What a cell of these may be instead: a login is often the e-mail address, an account number the card's.
_NAMED = frozenset({Field.USERNAME, Field.ACCOUNT, Field.PASSPORT, Field.DRIVING_LICENCE})
_SHOWN = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)


class ValueSource(NamedTuple):
    """A column, or a group of them, that gives values of a field. Numbers from 1 on."""

    field: Field
    columns: tuple[int, ...]

    def cells(self, row: Sequence[str]) -> list[str]:
        """The row's cells, "" for those that it does not have."""
        return [row[number - 1] if len(row) >= number else "" for number in self.columns]


class ValueReader(NamedTuple):
    """How the cells of a source become one value."""

    field: Field
    region: str  # of telephone numbers without +
    order: DateOrder | None  # of dates such as 03/04/1990; None: they are refused

    def forms(self, cells: Sequence[str]) -> list[str]:
        """None, one, or two: a telephone number that may be read in two ways is enrolled in both."""
        if self.field is Field.NAME_BIRTH_DATE:
            form = composite(cells[:-1], cells[-1], self.order)
            return [form] if form else []
        return forms(self.field, cells[0], self.region)

    def taken(self, cells: Sequence[str], known: set[str]) -> list[str]:
        """The forms that are enrolled: none where they repeat what is known of the customer; they join it."""
        found = self.forms(cells)
        if not found or self._repeats(cells, known):
            return []
        known.update(form.casefold() for form in found)
        return found

    def _repeats(self, cells: Sequence[str], known: Collection[str]) -> bool:
        """Whether the cells only say again, under another name, what the customer's other fields say.

        `known`: their forms in small letters. Enrolled twice, one value of a leak would agree on two fields
        and pass for a coherent row.
        """
        if self.field not in _NAMED:
            return False
        fields = (self.field, *_SHOWN)
        return any(
            form.casefold() in known for field in fields for form in forms(field, cells[0], self.region)
        )

    def refusal(self, cells: Sequence[str]) -> str:
        """Why nothing was taken, as a slug."""
        if self.forms(cells):
            return "repeated"
        if self.field is Field.NAME_BIRTH_DATE:
            return refusal(self.field, f"{' '.join(cells[:-1])}|{cells[-1]}")
        return refusal(self.field, cells[0])


def sources(names: Sequence[str], said: Mapping[Field, Sequence[str]]) -> list[ValueSource]:
    """In the order of the fields; raises CustomersWithoutColumns. `said`: by number or name, as --column."""
    known = _by_role(names)
    found = list(
        chain.from_iterable(
            _said(field, said[field], names) if said.get(field) else _recognised(field, known)
            for field in Field
        )
    )
    if not found:
        raise CustomersWithoutColumns(
            f"none of the {len(names)} columns has a name that stands for {', '.join(Field)}; "
            f"say which column is which, such as --column email=2"
        )
    return found


def _by_role(names: Sequence[str]) -> dict[str | None, list[int]]:
    known: dict[str | None, list[int]] = {}
    for number, name in enumerate(names, 1):
        known.setdefault(role_of(name), []).append(number)
    return known


def _recognised(field: Field, known: Mapping[str | None, list[int]]) -> Iterable[ValueSource]:
    if field is not Field.NAME_BIRTH_DATE:
        return [ValueSource(field, (number,)) for number in known.get(field.value, ())]
    born, family, given = (known.get(role, []) for role in ("birth_date", "family_name", "given_name"))
    if not born:
        return []
    groups: list[tuple[int, ...]] = [(number,) for number in known.get("name", ())]
    if family and given:
        groups.append((family[0], given[0]))
    return [ValueSource(field, (*group, born[0])) for group in groups]


def _said(field: Field, columns: Sequence[str], names: Sequence[str]) -> Iterable[ValueSource]:
    for column in columns:
        if field is not Field.NAME_BIRTH_DATE:
            yield ValueSource(field, (_number(column, names),))
            continue
        group = tuple(_number(part, names) for part in column.split(JOINED))
        if len(group) not in _GROUP_SIZES:
            raise CustomersWithoutColumns(
                f"{column!r} is {len(group)} columns; wanted: one to three of the name, and then that of the "
                f"birth date, such as --column {field}=2{JOINED}3{JOINED}7"
            )
        yield ValueSource(field, group)


def _number(column: str, names: Sequence[str]) -> int:
    if column.isdecimal() and int(column) > 0:
        return int(column)
    if column in names:
        return names.index(column) + 1
    raise CustomersWithoutColumns(f"there is no column {column!r}; wanted: its number from 1 on, or a name")
