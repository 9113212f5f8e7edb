"""Invented customers, whose identifiers pass every check and belong to nobody.

How each identifier is made, so that it cannot belong to a living person:

- e-mail: under `.example`, which no registry will ever delegate (RFC 2606);
- US phone: `555-0100` to `555-0199` of an area code, which the numbering plan reserves for fiction;
- mainland mobile: China reserves no such block, so `1700000` and four digits, with an invented name;
- resident ID: a valid check digit, with a birth date in 1901-1909 and the order number 000;
- card: a valid Luhn digit after `400000`, a range used by payment test systems;
- IBAN: valid check digits, with the bank code of a bank that does not exist (QLLM, Quillmere).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path

from stdnum import iban, luhn
from stdnum.cn import ric

_GIVEN = (
    "Ada",
    "Bram",
    "Cora",
    "Dev",
    "Edda",
    "Finn",
    "Gwen",
    "Hugo",
    "Ines",
    "Joss",
    "Kaya",
    "Liam",
    "Mona",
    "Nils",
    "Orla",
    "Piet",
    "Quin",
    "Rhea",
    "Sven",
    "Tova",
)
_FAMILY = (
    "Ashlock",
    "Brindle",
    "Calloway",
    "Dunmore",
    "Everleigh",
    "Fenwick",
    "Garrow",
    "Hollis",
    "Ivory",
    "Jessop",
    "Kestrel",
    "Lorne",
)
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫"
_NAMES = "安博晨达恩帆广涵佳凯岚明宁沛"
_BIRTH_DAYS = 3_000  # more people are born in the next district
_AREA_CODES = (212, 303, 312, 404, 415, 503, 512, 602, 617, 702, 713, 801)


@dataclass(frozen=True, slots=True)
class Customer:
    """One row of a lender's customer list. An empty string is a value that the lender did not collect."""

    customer_id: str
    name: str
    email: str
    phone: str
    resident_id: str = ""
    card: str = ""
    iban: str = ""


def americans(count: int, *, start: int = 0, domain: str = "mail.example") -> list[Customer]:
    """Return `count` invented customers from number `start` on. Different numbers share no identifier."""
    return [_american(number, domain) for number in range(start, start + count)]


def mainlanders(count: int, *, start: int = 0, domain: str = "youxiang.example") -> list[Customer]:
    """Return customers like `americans`, but with mainland mobiles and resident IDs."""
    return [_mainlander(number, domain) for number in range(start, start + count)]


def mainlander(number: int, *, domain: str = "youxiang.example") -> Customer:
    """Return the customer with this number, below 10,000."""
    return _mainlander(number, domain)


def write_csv(path: Path, customers: Sequence[Customer]) -> None:
    """Write the customer list as a lender would export it, without empty columns."""
    rows = [asdict(customer) for customer in customers]
    columns = [field.name for field in fields(Customer) if any(row[field.name] for row in rows)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def combo(customers: Sequence[Customer]) -> str:
    """Return the customers as a leak shows them: one per line, values separated by commas."""
    return "\n".join(",".join(_published_values(customer)) for customer in customers)


def _published_values(customer: Customer) -> Iterator[str]:
    yield customer.name
    yield from filter(None, (customer.email, customer.phone, customer.resident_id, customer.card))


def _american(number: int, domain: str) -> Customer:
    # The phone block has 1,200 numbers, enough for every invented American without repetition.
    area = _AREA_CODES[number // 100 % len(_AREA_CODES)]
    given, family = _random_choices(number, _GIVEN, _FAMILY)
    card = f"400000{number * 7919 % 1_000_000_000:09d}"
    account = f"{number * 104_729 % 100_000_000:08d}"
    return Customer(
        customer_id=f"Q{number:06d}",
        name=f"{given} {family}",
        email=f"{given}.{family}{number}@{domain}".lower(),
        phone=f"+1 {area} 555 01{number % 100:02d}",
        card=card + luhn.calc_check_digit(card),
        iban=_iban(f"QLLM404784{account}") if number % 3 == 0 else "",
    )


def _mainlander(number: int, domain: str) -> Customer:
    surname, name = _random_choices(number, _SURNAMES, _NAMES)
    born = date(1901, 1, 1) + timedelta(days=number % _BIRTH_DAYS)
    resident = f"1101{number // _BIRTH_DAYS + 1:02d}{born:%Y%m%d}000"
    return Customer(
        customer_id=f"Y{number:06d}",
        name=surname + name,
        email=f"yt{number:05d}@{domain}",
        phone=f"1700000{number:04d}",
        resident_id=resident + ric.calc_check_digit(resident + "0"),
    )


def _random_choices(number: int, *choices: Sequence[str]) -> list[str]:
    dice = random.Random(number)  # noqa: S311 - a name for an invented person, not a secret
    return [dice.choice(choice) for choice in choices]


def _iban(account: str) -> str:
    return f"GB{iban.calc_check_digits('GB00' + account)}{account}"
