"""Affected customers by region and by kind of data: the counts that decide which legal clock runs."""

import csv
import stat
from pathlib import Path

import pytest

from matching.enrolment.affected import (
    OTHER,
    PROVINCES,
    REGIONS_LIMIT,
    UNKNOWN,
    AffectedCounter,
    AlsoLeaked,
    DataKind,
    RegionBasis,
    RegionColumns,
    kinds_of,
)
from matching.enrolment.column_choice import FieldColumns
from matching.identifiers import Field
from matching.identifiers.resident_ids import PROVINCES as PROVINCE_CODES
from tests.matching.customers import customer
from tests.matching.invoked import answered, invoke


@pytest.mark.parametrize(
    ("leaked", "kinds"),
    [
        ({"phone"}, {"contact_only"}),
        ({"email", "phone", "address"}, {"contact_only"}),
        ({"email", "name"}, {"name_and_contact"}),
        ({"resident_id"}, {"id_number"}),
        ({"resident_id", "name", "phone"}, {"id_number", "name_and_id", "name_and_contact"}),
        ({"passport", "name_birth_date"}, {"id_number", "name_and_id"}),
        ({"card"}, {"card", "financial"}),
        ({"iban", "name"}, {"financial", "name_and_financial"}),
        ({"email", "password"}, {"credentials"}),
        ({"password"}, set()),
        ({"username"}, set()),
        ({"health", "phone"}, {"health"}),
        (set(), set()),
    ],
)
def test_kinds_of_data(leaked: set[str], kinds: set[str]) -> None:
    """A name alone is no kind; a password counts with what it opens."""
    assert {kind.value for kind in kinds_of(frozenset(leaked))} == kinds


def test_every_province_has_a_name() -> None:
    """All codes that a resident ID may begin with."""
    assert PROVINCES.keys() == PROVINCE_CODES


COLUMNS = RegionColumns(
    [
        FieldColumns(Field.PHONE, (1,)),
        FieldColumns(Field.RESIDENT_ID, (2,)),
        FieldColumns(Field.NATIONAL_ID, (3,), "PL"),
    ],
    "CN",
    country=3,
    postcode=4,
)


@pytest.mark.parametrize(
    ("row", "country", "province", "phone", "area"),
    [
        (["13912345678", customer(1).resident_id, "", "", "100020"], "CN", "Beijing", "CN", "10"),
        (["+49 171 3920001", customer(1).resident_id, "", "", ""], "CN", "Beijing", "DE", UNKNOWN),
        (["+49 171 3920001", "", "", "Austria", "1010"], "AUSTRIA", UNKNOWN, "DE", "10"),
        (["+49 171 3920001", "", "", "", "EC1A 1BB"], "DE", UNKNOWN, "DE", "EC"),
        (["+1 (416) 555-0199", "", "", "", ""], "CA", UNKNOWN, "CA", UNKNOWN),
        (["+1 (212) 555-0199", "", "", "", ""], "US", UNKNOWN, "US", UNKNOWN),
        (["+7 701 000 0000", "", "", "", ""], "KZ", UNKNOWN, "KZ", UNKNOWN),
        (["", "", "44051401359", "", ""], "PL", UNKNOWN, UNKNOWN, UNKNOWN),
        (["no number", "123", "x", " ", ""], UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        ([], UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
    ids=range(10),
)
def test_where_a_customer_belongs(row: list[str], country: str, province: str, phone: str, area: str) -> None:
    """The first known of: the list's country, the national number, the resident ID, the telephone number."""
    counter = AffectedCounter(COLUMNS)
    counter.add(row, {"phone"})

    found = {basis: list(regions) for basis, regions in counter.counts.regions.items()}
    assert found == {
        RegionBasis.COUNTRY: [country],
        RegionBasis.PROVINCE: [province],
        RegionBasis.PHONE_COUNTRY: [phone],
        RegionBasis.PHONE_PROVINCE: ["Jiangsu" if phone == "CN" else UNKNOWN],
        RegionBasis.POSTCODE_AREA: [area],
    }
    assert dict(counter.counts.kinds_by_country) == {(country, DataKind.CONTACT_ONLY): 1}


@pytest.mark.parametrize(
    ("number", "province"),
    [
        ("13800001234", "Beijing"),
        ("020 1234 5678", "Guangdong"),
        ("0755-12345678", "Guangdong"),
        ("15098765432", "Shandong"),
        ("17012345678", UNKNOWN),  # of a virtual operator, for the whole country
    ],
)
def test_the_province_of_a_chinese_number(number: str, province: str) -> None:
    """Mobile and fixed numbers say where they were issued; some belong to no province."""
    counter = AffectedCounter(COLUMNS)
    counter.add([number], {"phone"})

    assert list(counter.counts.regions[RegionBasis.PHONE_PROVINCE]) == [province]


def test_a_column_with_too_many_countries_is_bounded() -> None:
    """A column that holds addresses does not become a table of addresses."""
    counter = AffectedCounter(RegionColumns([], "CN", country=0))
    for number in range(REGIONS_LIMIT + 50):
        counter.add([f"street {number}"], {"card"})

    regions = counter.counts.regions[RegionBasis.COUNTRY]
    assert (len(regions), regions[OTHER]) == (REGIONS_LIMIT + 1, 50)
    assert counter.counts.kinds_by_country[OTHER, DataKind.CARD] == 50


LIST = """name,phone,id_number,country,postcode
A,13800001234,{first},,100020
B,+49 171 3920001,,Germany,80331
C,+49 171 3920002,,Germany,80333
D,+44 20 7946 0000,,=cmd|x,EC1A 1BB
"""
ORDINALS = "ordinal,fields,rows,segment\n1,phone resident_id,1,1\n2,phone,1,1\n3,phone,2,1\n4,phone,1,1\n"


@pytest.fixture
def premises(tmp_path: Path) -> Path:
    (tmp_path / "list.csv").write_text(LIST.format(first=customer(1).resident_id))
    (tmp_path / "ordinals.csv").write_text(ORDINALS)
    return tmp_path


REVEAL = ("reveal", "ordinals.csv", "--customers", "list.csv", "--out", "out.csv")


def test_the_counts_as_json_and_csv(premises: Path) -> None:
    """Both have the same counts; the CSV has mode 0600, names nobody, and no cell is a formula."""
    also = ("--also", "name", "--also", "password")
    told = answered(premises, *REVEAL, "--counts", "counts.csv", *also)["affected"]

    assert (told["customers"], told["without_fields"]) == (4, 0)
    assert told["regions"] == {
        "country": {"GERMANY": 2, "=CMD|X": 1, "CN": 1},
        "province": {UNKNOWN: 3, "Beijing": 1},
        "phone_country": {"DE": 2, "CN": 1, "GB": 1},
        "phone_province": {UNKNOWN: 3, "Beijing": 1},
        "postcode_area": {"80": 2, "10": 1, "EC": 1},
    }
    assert {kind: count for kind, count in told["kinds"].items() if count} == {
        "id_number": 1,
        "name_and_id": 1,
        "credentials": 4,
        "name_and_contact": 4,
    }
    assert {"country": "GERMANY", "kind": "credentials", "customers": 2} in told["kinds_by_country"]
    path = premises / "counts.csv"
    with path.open(newline="") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ("all", "", "", "4") in rows
    assert ("all", "", "credentials", "4") in rows
    assert ("country", "GERMANY", "name_and_contact", "2") in rows
    assert ("country", "'=CMD|X", "", "1") in rows
    assert "3920001" not in path.read_text()


def test_the_counts_as_tables(premises: Path) -> None:
    """Without --json the counts are printed, and no customer is."""
    ran = invoke(premises, *REVEAL)

    assert ran.code == 0
    assert [
        "province of the resident ID" in ran.output,
        "GERMANY" in ran.output,
        "3920001" in ran.output,
    ] == [
        True,
        True,
        False,
    ]


def test_columns_that_are_named(premises: Path) -> None:
    """Country and postcode may have any name; one that does not exist is refused, and nothing is written."""
    text = (premises / "list.csv").read_text().replace("country,postcode", "wohnt,bezirk")
    (premises / "list.csv").write_text(text)
    unnamed = answered(premises, *REVEAL)["affected"]["regions"]
    (premises / "out.csv").unlink()
    named = answered(premises, *REVEAL, "--country", "wohnt", "--postcode", "5")["affected"]["regions"]
    (premises / "out.csv").unlink()

    refused = invoke(premises, *REVEAL, "--country", "nowhere")

    assert ("postcode_area" in unnamed, unnamed["country"]["DE"]) == (False, 2)
    assert (named["postcode_area"]["80"], named["country"]["GERMANY"]) == (2, 2)
    assert (refused.code, (premises / "out.csv").exists()) == (6, False)


def test_ordinals_without_fields(premises: Path) -> None:
    """A list of ordinals alone does not say what leaked; only what --also says counts."""
    (premises / "ordinals.csv").write_text("ordinal\n1\n2\n")

    told = answered(premises, *REVEAL, "--also", AlsoLeaked.HEALTH.value)["affected"]

    assert (told["without_fields"], told["kinds"]["health"], told["kinds"]["contact_only"]) == (2, 2, 0)


def test_counts_that_exist_are_kept(premises: Path) -> None:
    """An existing file of counts is not overwritten, and no customer is written then."""
    (premises / "counts.csv").write_text("mine")

    ran = invoke(premises, *REVEAL, "--counts", "counts.csv")

    assert (ran.code, (premises / "counts.csv").read_text(), (premises / "out.csv").exists()) == (
        6,
        "mine",
        False,
    )
