"""Files to practise with: a customer list, samples of a seller, and a configuration. All is invented."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from demo.people import Customer, mainlander

COMPANY = "yutang"
#: Two of three numbers are customers, so that they look like everybody else.
_NUMBERS = range(9_000)
_FIRST_DAY, _DAYS = date(2013, 1, 7), 4_500
#: The copy that the seller has was made when two of three of today's customers were customers.
COPY = 2 / 3
_OURS, _OTHERS = 18, 2  # rows of the masked sample
_STEP = 211  # from one customer of a sample to the next
_STRANGER_STEP = 149  # in thirds of the numbers

_CONFIGURATION = """# What `spillwatch segment import` and `spillwatch investigate` need, and nothing else.
[storage]
database_url = "sqlite:///spillwatch.db"
evidence_dir = "evidence"

[matching]
segments_dir = "segments"
"""
_COMPANY = """name = "Yutang Microcredit"

[[terms]]
text = "榆塘小贷"
kind = "name"
owner = "Compliance"
reason = "The name that sellers use"

[fingerprints]
key_file = "../yutang.key"
default_region = "CN"
"""


@dataclass(frozen=True, slots=True)
class PracticeCustomer:
    """A customer with the day since when they are one."""

    person: Customer
    since: date


def practice_customers() -> list[PracticeCustomer]:
    """Return 6,000 customers, in the order in which they became customers."""
    numbers = [number for number in _NUMBERS if number % 3 != 2]
    return [
        PracticeCustomer(mainlander(number), _FIRST_DAY + timedelta(days=place * _DAYS // len(numbers)))
        for place, number in enumerate(numbers)
    ]


def practice_strangers(count: int) -> list[Customer]:
    """Return people who are no customers, with names and numbers like theirs."""
    return [mainlander(number) for number in list(_NUMBERS)[2 :: 3 * _STRANGER_STEP][:count]]


def write_practice_files(folder: Path) -> list[Path]:
    """Write all files into a new folder; raises FileExistsError."""
    folder.mkdir(mode=0o700, parents=True)
    customers = practice_customers()
    copied = [one.person for one in customers[: int(len(customers) * COPY)]]
    (folder / "companies").mkdir(mode=0o700)
    texts = {
        "spillwatch.toml": _CONFIGURATION,
        "companies/yutang.toml": _COMPANY,
        "sample-masked.txt": _masked(_mixed(_spread(copied, _OURS), practice_strangers(_OTHERS))),
        "sample-strangers.txt": _masked(practice_strangers(20)[::-1]),
        "sample-whole.csv": _whole([*_spread(copied, 12, step=331), *practice_strangers(4)]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _write_customers(folder / "customers.csv", customers)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _spread(people: Sequence[Customer], count: int, *, step: int = _STEP) -> list[Customer]:
    return [people[(place * step + 17) % len(people)] for place in range(count)]


def _mixed(first: Sequence[Customer], second: Sequence[Customer]) -> list[Customer]:
    """Return both lists in an order that says nothing."""
    return sorted([*first, *second], key=lambda one: one.resident_id[::-1])


def _masked(people: Iterable[Customer]) -> str:
    """Return rows as sellers show them: 赵*  170****0042  110101********0006."""
    return "".join(
        f"{one.name[0]}*  {one.phone[:3]}****{one.phone[-4:]}  "
        f"{one.resident_id[:6]}********{one.resident_id[-4:]}\n"
        for one in people
    )


def _whole(people: Iterable[Customer]) -> str:
    rows = [f"{one.name},{one.phone},{one.resident_id}\n" for one in people]
    return "name,mobile,id_number\n" + "".join(rows)


def _write_customers(path: Path, customers: Sequence[PracticeCustomer]) -> None:
    columns = ("customer_id", "name", "email", "phone", "resident_id", "customer_since")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asdict(one.person) | {"customer_since": one.since.isoformat()} for one in customers)
