"""What is visible of a person in a row of a sample, whole or masked.

Nothing here is ever stored or shown: rows live as long as their text is compared.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Attribute(StrEnum):
    """What a value says of a person."""

    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    NATIONAL_ID = "national_id"
    CARD = "card"
    IBAN = "iban"
    EMAIL = "email"
    NAME = "name"
    BIRTH_DATE = "birth_date"


@dataclass(frozen=True, slots=True, repr=False)
class VisibleValue:
    """A value, of which a mask hides a part; `head` and `tail` are in canonical form, without separators.

    A whole value has everything in `head`, and `hidden` is 0. `hidden` None: a mask of variable length, or
    one that does not say how many characters it stands for.

    phone, resident and national IDs, cards, IBANs: the visible digits and letters (`138`, `1234`); of a
      telephone number the national one, without the country's code.
    email: of the local part, with the domain in `domain` ("" where it is masked, too).
    name: Han names: the family name, and the last character where it is visible (张*三: `张`, `三`). Other
      names: the visible beginnings of the words, folded, joined with spaces (J*** D**: `j d`; the whole name
      John Doe: `john doe`).
    birth_date: `1990`, `1990-03` or `1990-03-12`; without its year, `03-12` is the tail.
    """

    attribute: Attribute
    head: str
    tail: str = ""
    hidden: int | None = 0
    domain: str = ""
    region: str = ""  # of a telephone number or national number, where the value says it: CN, GB, ...

    @property
    def is_masked(self) -> bool:
        return self.hidden != 0


@dataclass(frozen=True, slots=True, repr=False)
class SampleRow:
    """The values of one person in a text; `start` and `end` are the offsets of the record in it."""

    number: int  # from 1 on
    line: int  # of the text, from 1 on
    start: int
    end: int
    values: tuple[VisibleValue, ...] = field(default=())

    @property
    def is_masked(self) -> bool:
        return any(value.is_masked for value in self.values)
