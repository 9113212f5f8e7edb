"""The fields: what a value can be, and the version of the rules for its one form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Field(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    CARD = "card"
    IBAN = "iban"


# Raised when a value that had a form gets another one: then the fingerprints of old segments are of no use. A
# value that had none may get one without it.
NORMALISERS: Mapping[Field, int] = {
    Field.EMAIL: 2,  # 1: lower case only; 2: what the mail providers do (`providers`)
    Field.PHONE: 1,
    Field.RESIDENT_ID: 1,
    Field.CARD: 1,
    Field.IBAN: 1,
}
NORMALISER_VERSION = max(NORMALISERS.values())  # of a segment that has one version for all its fields

ALL = frozenset(Field)

# One raw, invented value a field. Whoever reads a segment normalises and fingerprints them again, which shows
# another key as well as another normaliser. The values are reserved for examples or belong to nobody.
GOLDEN: Mapping[Field, str] = {
    Field.EMAIL: "Golden.Vector@Example.COM",
    Field.PHONE: "+44 20 7946 0000",
    Field.RESIDENT_ID: "110101 19000101 009x",
    Field.CARD: "4111-1111-1111-1111",
    Field.IBAN: "gb33 bukb 2020 1555 5555 55",
}


class Candidate(NamedTuple):
    """`start` and `end` are offsets in the original text, half open."""

    field: Field
    canonical: str
    start: int
    end: int


Found = tuple[Field, str, int, int]  # a candidate of a narrowed text
