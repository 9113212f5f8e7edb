"""National numbers: found in texts by form and check digits, in columns by country, and masked."""

import pytest

from matching.identifiers import Field, canonical, forms, refusal, scan
from matching.identifiers.national_ids import COUNTRIES, FORMS, country_of_column
from matching.masks import mask_text
from matching.scanning.scanner import Scanner
from tests.matching.identifiers.national_numbers import number_of, plain_form, written_forms

NATIONAL = frozenset({Field.NATIONAL_ID})


@pytest.mark.parametrize(("form", "country"), written_forms())
def test_a_number_is_found_and_masked_in_every_form(form: str, country: str) -> None:
    """Both scanners find it in prose, in cells and beside other scripts. No form stays readable."""
    number = number_of(country, form)
    expected = canonical(Field.NATIONAL_ID, f"{country}:{number}", "CN")

    for around in ("{}", "id {}, old", "x;{};y", "号码{}。", "({})", "{}.0;x", "a@mail.example {} 12:30"):
        text = around.format(number)
        found = list(scan(text, "CN", NATIONAL))
        assert (expected, text.index(number)) in [(one.canonical, one.start) for one in found]
        assert list(Scanner("CN", NATIONAL).scan_text(text).in_order()) == found
        assert number not in mask_text(text)


@pytest.mark.parametrize(
    "form",
    [
        "LT99150008063",  # those that begin with 9 have no date
        "EE88804235685",
        "EE38001085718",
        "KR3304048311165",
        "SI0502343165531",
        "RO7290310428695",
        "ZA6012306972133",
    ],
)
def test_numbers_with_a_date_are_found_natively(form: str) -> None:
    """The library rules out what has no date, and nothing else."""
    found = list(scan(f"id {form[2:]};", "CN", NATIONAL))

    assert form in [one.canonical for one in found]
    assert list(Scanner("CN", NATIONAL).scan_text(f"id {form[2:]};").in_order()) == found


@pytest.mark.parametrize(
    "text",
    [
        "Order 12345678 of batch A1234567, 100.200.300-40 and 555-0123-4567",
        "ISBN 978-3-16-148410-0, EAN 4006381333931",
        "v2.10.20-30 2024-01-05 12:34:56 10.20.30.40",
        "AAAAAA11A11A111A BBBB000000XXXXXX00 123456-7890 123456/7890",
        "call 020 7946 0123 or 1234 5678 9013",
        "sum 99999999999 12345678901 000000000000",
        "1.234.567-8 99-12345678-0 756.1234.5678.90",
        "550e8400-e29b-41d4-a716-446655440000 deadbeef80111415421",
    ],
)
def test_ordinary_numbers_are_no_national_numbers(text: str) -> None:
    """Order numbers, dates, versions and numbers with a wrong check digit are not found."""
    assert list(scan(text, "CN", NATIONAL)) == []


@pytest.mark.parametrize("country", [name for name, one in COUNTRIES.items() if isinstance(one.shape, int)])
def test_a_column_may_have_numbers_of_any_country(country: str) -> None:
    """A cell is read as a number of each country in which it is right, and of the declared one only."""
    number = number_of(country, plain_form(country))

    assert f"{country}{number}" in forms(Field.NATIONAL_ID, number, "CN")
    assert forms(Field.NATIONAL_ID, f"{country}:{number}", "CN") == [f"{country}{number}"]


@pytest.mark.parametrize(
    ("country", "ways"),
    [
        ("BR", "390.533.447-05|39053344705|390 533 447 05|390_533_447_05"),
        ("SE", "900101-1239|9001011239|19900101-1239|199001011239"),
        ("CZ", "710319/2745|7103192745"),
        ("ES", "12345678Z|12345678-Z|12345678z"),
        ("ES", "X1234567L|x-1234567-l"),
        ("FI", "131052-308T|131052-308t"),
        ("FR", "2 95 10 99 126 111 93|295109912611193"),
        ("CH", "756.9217.0769.85|7569217076985"),
        ("CL", "12.531.909-2|12531909-2"),
    ],
)
def test_all_ways_to_write_a_number_are_one(country: str, ways: str) -> None:
    """Separators, the century of a Swedish number and small letters make no difference."""
    found = {canonical(Field.NATIONAL_ID, f"{country}:{written}", "CN") for written in ways.split("|")}

    assert len(found) == 1
    assert None not in found


def test_zeros_that_a_spreadsheet_lost_are_added_in_a_cell() -> None:
    """The number of a column that was read as numbers gets its leading zeros back; a text does not."""
    number = next(one for seed in range(100) if (one := number_of("PL", "9" * 11, seed)).startswith("0"))

    assert forms(Field.NATIONAL_ID, f"PL:{number.lstrip('0')}", "CN") == [f"PL{number}"]


def test_a_refused_number_has_a_reason() -> None:
    """An empty cell, a word, and a number of which a digit is wrong."""
    reasons = [refusal(Field.NATIONAL_ID, cell) for cell in ("", "none", "call me", "PL:80111415422")]

    assert reasons == ["empty", "placeholder", "malformed", "wrong_check_digit"]


def test_a_column_has_the_country_of_most_of_its_numbers() -> None:
    """Some wrong cells do not matter; numbers at random are of no country, nor is a column of dates."""
    right = [number_of("HR", "9" * 11, seed) for seed in range(20)]
    dates = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in (1, 15)]
    ids = [f"{1_000_000_000 + 7 * number}" for number in range(50)]

    assert country_of_column([*right, "n/a", "1"]) == "HR"
    assert [country_of_column(cells) for cells in (ids, dates, [], ["", " "])] == [None] * 4


def test_every_form_belongs_to_known_countries() -> None:
    """The table of forms names no country that has no rules."""
    assert {country for countries in FORMS.values() for country in countries.split()} <= COUNTRIES.keys()
