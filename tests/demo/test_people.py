from __future__ import annotations

import csv
from pathlib import Path

import phonenumbers
from stdnum import iban, luhn
from stdnum.cn import ric

from demo.people import americans, combo, mainlanders, write_csv
from demo.story import CUSTOMERS


def test_every_identifier_passes_its_check() -> None:
    """Every invented identifier has valid check digits and fits its numbering plan."""
    west, east = americans(300), mainlanders(300)

    assert all(luhn.is_valid(customer.card) for customer in west)
    assert all(iban.is_valid(customer.iban) for customer in west if customer.iban)
    assert all(ric.is_valid(customer.resident_id) for customer in east)
    for customer, region in [*((c, "US") for c in west), *((c, "CN") for c in east)]:
        assert phonenumbers.is_valid_number(phonenumbers.parse(customer.phone, region))


def test_american_phones_are_the_ones_kept_for_fiction() -> None:
    """American phone numbers are 555-0100 to 555-0199, which belong to nobody."""
    assert all(" 555 01" in customer.phone for customer in americans(1200))


def test_two_customers_share_no_identifier() -> None:
    """No two invented people share an identifier, so that a hit names one customer."""
    everybody = [*americans(1200), *mainlanders(1200)]

    for name in ("customer_id", "email", "phone", "resident_id", "card", "iban"):
        values = [value for customer in everybody if (value := getattr(customer, name))]
        assert len(values) == len(set(values)), name


def test_the_list_is_read_back_as_written(tmp_path: Path) -> None:
    """The customer list is a CSV file with a header and one customer per row."""
    write_csv(tmp_path / "customers.csv", CUSTOMERS["yutang"][:3])

    with (tmp_path / "customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [customer.phone for customer in CUSTOMERS["yutang"][:3]] == [row["phone"] for row in rows]


def test_a_sample_shows_what_the_lender_asked_for() -> None:
    """A published row contains the name and each identifier of the customer, without empty columns."""
    line = combo(mainlanders(1))

    assert line.split(",")[1:] == ["yt00000@youxiang.example", "17000000000", "110101190101010003"]
