"""Invented customers for tests and benchmarks; `customer` says where their numbers come from."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple

from matching.identifiers import Field, luhn, resident_id

FIELDS = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)  # of a customer's values


class Customer(NamedTuple):
    """One row of a customer list, with values as a person may have typed them."""

    name: str
    email: str
    phone: str
    resident_id: str
    card: str
    iban: str


_AREAS = (202, 212, 213, 215, 303, 305, 312, 404, 415, 503)


def customer(number: int) -> Customer:
    """Return the customer with this number, from 1 on: always the same one, and nobody's real values.

    E-mail addresses are under .example. Phones are those that North America keeps for fiction (555-01xx),
    and then +86 170 0xxx xxxx. Resident IDs are of people born in 1899, cards have the test prefix 4111 11,
    and IBANs are of a bank called TEST.
    """
    return Customer(
        f"Customer {number}",
        f"customer.{number}@mail.example",
        _phone(number),
        _resident_id(number),
        _card(number),
        _iban(number),
    )


def customers(count: int) -> list[Customer]:
    return [customer(number) for number in range(1, count + 1)]


def as_csv(rows: Sequence[Customer], *, delimiter: str = ",", header: Sequence[str] | None = None) -> str:
    buffer = StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(header or ("name", "email", "phone", "resident_id", "card", "iban"))
    writer.writerows(rows)
    return buffer.getvalue()


def _phone(number: int) -> str:
    area, last = divmod(number, 100)
    if area < len(_AREAS):
        return f"+1 ({_AREAS[area]}) 555-01{last:02}"
    return f"1700{number % 10_000_000:07}"


def _resident_id(number: int) -> str:
    day, order = divmod(number, 900)
    start = f"1101011899{day % 12 + 1:02}{day // 12 % 28 + 1:02}{order + 1:03}"
    return next(start + check for check in "0123456789X" if resident_id(start + check))


def _card(number: int) -> str:
    start = f"411111{number:09}"
    return next(start + check for check in "0123456789" if luhn(start + check))


def _iban(number: int) -> str:
    bban = f"TEST000000{number:08}"
    digits = "".join(str(int(character, 36)) for character in bban + "GB00")
    return f"GB{98 - int(digits) % 97:02}{bban}"
