"""The rows to write into a system so that it holds the canaries, in the columns of that system."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from phonenumbers import PhoneNumberFormat, format_number, parse

from matching.canaries.register import Canary, PlantedSet
from matching.inputs.formats.columns import roles_of

#: What a canary has, in the order of the columns where the system's own are not known.
PLANTED_FIELDS = (
    "name",
    "family_name",
    "given_name",
    "birth_date",
    "resident_id",
    "phone",
    "email",
    "card",
    "address",
)
_ADDRESS = re.compile(r"addr|adress|street|stra(?:ss|ß)e|rue|gata|地址|住址", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlantingForm:
    """How the system writes numbers and dates."""

    national_phones: bool = False  # 020 7946 0123 as 02079460123, otherwise +442079460123
    dates: str = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class PlantedColumns:
    """The system's columns: its name of each, and the field of a canary that it gets; None: stays empty."""

    names: Sequence[str]
    fields: Sequence[str | None]

    @property
    def empty(self) -> list[str]:
        """The columns for which a canary has nothing: the system's people fill them in."""
        return [name for name, field in zip(self.names, self.fields, strict=True) if field is None]


def own_columns(sets: Sequence[PlantedSet]) -> PlantedColumns:
    """Return one column for each field that some canary has."""
    canaries = [canary for planted in sets for canary in planted.canaries]
    fields = [field for field in PLANTED_FIELDS if any(getattr(canary, field) for canary in canaries)]
    return PlantedColumns(fields, fields)


def columns_of_system(names: Sequence[str]) -> PlantedColumns:
    """Return what each column of a system's export gets, by its name in the languages that `enroll` knows."""
    roles = [
        role or ("address" if _ADDRESS.search(name) else None)
        for name, role in zip(names, roles_of(names), strict=True)
    ]
    return PlantedColumns(names, [role if role in PLANTED_FIELDS else None for role in roles])


def planted_rows(
    sets: Sequence[PlantedSet], columns: PlantedColumns, form: PlantingForm
) -> Iterator[list[str]]:
    for planted in sets:
        for canary in planted.canaries:
            yield [_cell(canary, field, form) if field else "" for field in columns.fields]


def _cell(canary: Canary, field: str, form: PlantingForm) -> str:
    if field == "birth_date":
        return canary.birth_date.strftime(form.dates)
    if field == "phone" and canary.phone and form.national_phones:
        national = format_number(parse(canary.phone), PhoneNumberFormat.NATIONAL)
        return re.sub(r"\D", "", national)
    return str(getattr(canary, field) or "")
