"""The fields, and the version of the rules for the canonical form of each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Field(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    CARD = "card"
    IBAN = "iban"
    WALLET = "wallet"
    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    USERNAME = "username"
    ACCOUNT = "account"
    NAME_BIRTH_DATE = "name_birth_date"
    NATIONAL_ID = "national_id"


# A version is raised when values that had a canonical form get another one, because fingerprints in old
# segments then match nothing. Giving a form to values that had none needs no new version.
NORMALISERS: Mapping[Field, int] = {
    Field.EMAIL: 2,  # 1: lower case only; 2: the rules of the mail providers (`mail_providers`)
    Field.PHONE: 1,
    Field.RESIDENT_ID: 1,
    Field.CARD: 1,
    Field.IBAN: 1,
    Field.WALLET: 1,
    Field.PASSPORT: 1,
    Field.DRIVING_LICENCE: 1,
    Field.USERNAME: 1,
    Field.ACCOUNT: 1,
    Field.NAME_BIRTH_DATE: 1,
    Field.NATIONAL_ID: 1,
}

ALL = frozenset(Field)
DECLARED = frozenset(
    {Field.USERNAME, Field.ACCOUNT, Field.NAME_BIRTH_DATE}
)  # found only in columns, never in text
SCANNED = ALL - DECLARED

# One raw, invented value per field. Each reader of a segment normalises and fingerprints them again, which
# reveals another key or another normaliser. The values are reserved for examples or belong to nobody.
GOLDEN: Mapping[Field, str] = {
    Field.EMAIL: "Golden.Vector@Example.COM",
    Field.PHONE: "+44 20 7946 0000",
    Field.RESIDENT_ID: "110101 19000101 009x",
    Field.CARD: "4111-1111-1111-1111",
    Field.IBAN: "gb33 bukb 2020 1555 5555 55",
    Field.WALLET: "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",  # the example of BIP 173
    Field.PASSPORT: "l898 902c3",  # the specimen of ICAO 9303
    Field.DRIVING_LICENCE: "30-90-123456-20",
    Field.USERNAME: "@Golden_Vector",
    Field.ACCOUNT: "0012-3456-789 X",
    Field.NATIONAL_ID: "pl: 440514 01359",
    Field.NAME_BIRTH_DATE: "VECTOR, Mr. Gólden|31.01.1890",
}


class Candidate(NamedTuple):
    """An identifier found in a text; `start` and `end` are offsets in the original text, half open."""

    field: Field
    canonical: str
    start: int
    end: int


FoundIdentifier = tuple[Field, str, int, int]  # a candidate with offsets in the narrowed text
