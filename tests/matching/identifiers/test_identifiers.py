"""Identifiers: one definition for cells and for texts, which agrees with python-stdnum and phonenumbers."""

import random
import re
import time

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban as stdnum_iban
from stdnum import luhn as stdnum_luhn
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent, ValidationError

from matching.identifiers import (
    Field,
    canonical,
    card,
    email,
    forms,
    iban,
    luhn,
    phone,
    recognised,
    refusal,
    resident_id,
    scan,
)
from matching.identifiers.ibans import BBAN
from matching.identifiers.ordinary_numbers import is_ordinary_value
from matching.scanning.scanner import Scanner
from tests.matching.customers import FIELDS, customer, customers

DIGITS = st.text("0123456789", min_size=1, max_size=20)


def scanned(text: str, region: str = "CN") -> list[tuple[str, str, str]]:
    """Return field, canonical form and written text of each candidate."""
    return [(one.field, one.canonical, text[one.start : one.end]) for one in scan(text, region)]


def of_field(text: str, field: Field, region: str = "CN") -> list[str]:
    return [value for name, value, _ in scanned(text, region) if name == field]


@given(DIGITS)
def test_luhn_is_that_of_stdnum(digits: str) -> None:
    """The Luhn check agrees with stdnum for any digits."""
    assert luhn(digits) == stdnum_luhn.is_valid(digits)


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111", "4222222222222", "5555555555554444", "2221000000000009", "378282246310005",
        "6011111111111117", "3530111333300000", "30569309025904", "6200000000000000000", "6759649826438453",
    ],
)  # fmt: skip
def test_the_test_cards_of_every_issuer_are_cards(number: str) -> None:
    """Test numbers of every issuer are cards, with and without separators, in a cell and in a text."""
    spaced = " ".join(re.findall(".{1,4}", number))

    assert [card(number), card(spaced), of_field(f"card: {spaced}.", Field.CARD)] == [
        number,
        number,
        [number],
    ]


@pytest.mark.parametrize(
    "number", ["4111111111111112", "0000000000000000", "9999999999999995", "411111111111"]
)
def test_what_is_no_card(number: str) -> None:
    """A number with a wrong check digit, without a known issuer, or too short is not a card."""
    assert card(number) is None


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """A number with any county, date and order, and a right or wrong check digit."""
    county = draw(st.sampled_from(["110101", "310104", "440305", "511702", "810000"]))
    day = f"{draw(st.integers(1895, 2030)):04}{draw(st.integers(0, 13)):02}{draw(st.integers(0, 32)):02}"
    start = f"{county}{day}{draw(st.integers(0, 999)):03}"
    right: str = ric.calc_check_digit(start + "0")
    ending: str = draw(st.sampled_from([right, right, right.lower(), *"0123456789Xx"]))
    return start + ending


@settings(max_examples=400, deadline=None)
@given(resident_ids())
@pytest.mark.slow
def test_a_resident_id_is_what_stdnum_says_but_for_the_county(number: str) -> None:
    """Check digit and date decide as in stdnum; a county that stdnum does not list is accepted."""
    try:
        wanted: str | None = ric.validate(number)
    except InvalidComponent:
        wanted = number.upper() if _has_a_date(number) else None
    except ValidationError:
        wanted = None

    assert resident_id(number) == wanted


def _has_a_date(number: str) -> bool:
    try:
        ric.get_birth_date(number)
    except InvalidComponent:
        return False
    return True


def test_a_resident_id_of_no_province_is_none() -> None:
    """A number of a province that does not exist is invalid: there is no 99."""
    start = "99010119000101001"

    assert resident_id(start + ric.calc_check_digit(start + "0")) is None


@st.composite
def old_resident_ids(draw: st.DrawFn) -> str:
    """15 digits: a county, six digits that can be a date, an order."""
    county = draw(st.sampled_from(["110101", "310104", "440305", "511702", "990101"]))
    day = f"{draw(st.integers(0, 99)):02}{draw(st.integers(0, 13)):02}{draw(st.integers(0, 32)):02}"
    return f"{county}{day}{draw(st.integers(0, 999)):03}"


@settings(max_examples=400, deadline=None)
@given(old_resident_ids())
def test_an_old_resident_id_is_the_new_one_of_the_same_person(number: str) -> None:
    """15 digits get the form that stdnum accepts with 19 and the check digit added, in cells and texts."""
    start = f"{number[:6]}19{number[6:]}"
    renewed = start + ric.calc_check_digit(start + "0")
    wanted = renewed if _has_a_date(renewed) and not number.startswith("99") else None

    assert [resident_id(number), *of_field(number, Field.RESIDENT_ID)] == [wanted, *filter(None, [wanted])]


def test_both_forms_of_a_resident_id_are_one_customer() -> None:
    """Both forms of one person's number have the same canonical form."""
    assert of_field("119999700101001, 119999197001010013", Field.RESIDENT_ID) == ["119999197001010013"] * 2


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """An IBAN of any country, right or with a wrong checksum or length."""
    country = draw(st.sampled_from(sorted(BBAN)))
    alphabet = {"n": "0123456789", "a": "ABXYZ", "c": "09AZ"}
    bban = "".join(
        draw(st.text(alphabet[kind], min_size=int(size), max_size=int(size)))
        for size, kind in re.findall(r"(\d+)([nac])", BBAN[country])
    )
    right = stdnum_iban.calc_check_digits(country + "00" + bban)
    check = draw(st.sampled_from([right, right, "00", "42"]))
    cut = draw(st.sampled_from([0, 0, 0, 1]))
    return country + check + bban[: len(bban) - cut]


@settings(max_examples=400, deadline=None)
@given(ibans())
def test_an_iban_is_what_stdnum_says(number: str) -> None:
    """Country, length, structure and checksum are checked as in stdnum, for all countries of the registry."""
    valid = stdnum_iban.is_valid(number, check_country=False)

    assert iban(number) == (number if valid else None)


@settings(max_examples=500, deadline=None)
@given(ibans().filter(lambda number: iban(number) is not None), st.sampled_from([" ", "-", ""]))
@pytest.mark.slow
def test_an_iban_is_found_in_text_as_it_is_written(number: str, separator: str) -> None:
    """An IBAN is found in groups of four, in lower case, with a word after it."""
    written = separator.join(re.findall(".{1,4}", number))

    assert of_field(f"to {written.lower()} today", Field.IBAN) == [number]


def phonenumbers_e164(written: str, region: str) -> str | None:
    """Return E.164 of a valid number, None for any other text."""
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


@settings(max_examples=400, deadline=None)
@given(st.from_regex(r"\+?[0-9][0-9 \-().]{6,20}", fullmatch=True), st.sampled_from(["CN", "GB", "US", "DE"]))
@pytest.mark.slow
def test_a_written_phone_is_what_phonenumbers_says(written: str, region: str) -> None:
    """A written number has the readings that phonenumbers gives its digits.

    If it gives none, or the digits begin with the region's own code, they are read a second time with a + in
    front or instead of 00. Extensions are not generated.
    """
    digits = re.sub("[^0-9]", "", written)
    plus, lost = written.startswith("+"), digits.removeprefix("00")
    wanted: list[str | None] = []
    if 7 <= len(digits) <= 17 and not is_ordinary_value(written):
        wanted = [phonenumbers_e164("+" * plus + digits, region)]
        own = digits.startswith(str(phonenumbers.country_code_for_region(region)))
        if not plus and (wanted == [None] or own) and 10 <= len(lost) <= 15 and lost[0] != "0":
            wanted.append(phonenumbers_e164("+" + lost, region))
    numbers = list(dict.fromkeys(filter(None, wanted)))

    assert (forms(Field.PHONE, written, region), phone(written, region)) == (
        numbers,
        next(iter(numbers), None),
    )


@pytest.mark.parametrize(
    "written",
    [
        "17000000000", "170-0000-0000", "170 0000 0000", "+8617000000000", "+86 170 0000 0000",
        "86-17000000000", "008617000000000", "１７０００００００００", "(+86)17000000000",
        "170\u200b00000000", "tel17000000000,",
        "手机17000000000号",
    ],
)  # fmt: skip
def test_a_mainland_mobile_is_found_however_it_is_written(written: str) -> None:
    """A number is found with or without +86, separators, full width, invisible characters, letters beside."""
    assert "+8617000000000" in of_field(written, Field.PHONE)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+1 202 555 0123", "US"),
        ("+86 170 0000 0000", "CN"),
        ("0086 17000000000", "CN"),
        ("+44 20 7946 0123", "GB"),
    ],
)
def test_a_number_is_one_candidate(text: str, region: str) -> None:
    """A number with a country code gives one candidate; the same number twice gives two."""
    once, twice = (of_field(written, Field.PHONE, region) for written in (text, f"{text}, {text}"))

    assert (len(once), len(twice)) == (1, 2)


def test_the_default_region_decides_what_a_national_number_is() -> None:
    """The same digits are a number in one region and not in another."""
    text = "020 7946 0123"

    assert [of_field(text, Field.PHONE, region) for region in ("GB", "FR")] == [["+442079460123"], []]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("j.doe@mail.example", "j.doe@mail.example"),
        ("J.Doe+x@Mail.EXAMPLE", "j.doe+x@mail.example"),
        ("邮箱j.doe@mail.example。", "j.doe@mail.example"),
        ("'j.doe@mail.example',", "j.doe@mail.example"),
        ("j.doe@mail.example:secret", "j.doe@mail.example"),
        ("李----j.doe@mail.example----secret", "j.doe@mail.example"),
        ("<j.doe@mail.example>", "j.doe@mail.example"),
        ("mailto:j.doe@mail.example?x", "j.doe@mail.example"),
        ("ｊ．ｄｏｅ＠ｍａｉｌ．ｅｘａｍｐｌｅ", "j.doe@mail.example"),
        ("j.doe@xn--fsq.example", "j.doe@xn--fsq.example"),
        ("j.doe@mail.example.", "j.doe@mail.example"),
    ],
)
def test_an_address_is_found_in_what_surrounds_it(text: str, address: str) -> None:
    """An address is found in prose of any script, in quotes, and in the usual formats of lists."""
    assert of_field(text, Field.EMAIL) == [address]


@pytest.mark.parametrize(
    "value", ["", "@", "a@", "@b.example", "a@b", "a..b@c.example", "a@b..example", "a@-b.example",
     "a b@c.example",
              "x" * 65 + "@b.example", "a@" + "b" * 250 + ".example", "a@1.2.3.4"],
)  # fmt: skip
def test_what_is_no_address(value: str) -> None:
    """Malformed and too long addresses are refused."""
    assert email(value) is None


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 5000), st.sampled_from([",", ";", "\t", "|", "----", " "]))
def test_cells_and_text_agree(number: int, delimiter: str) -> None:
    """The forms of cells are the forms that a scan finds in a row of these cells."""
    one = customer(number)
    row = delimiter.join(one[1:])

    found = {(field, value) for field, value, _ in scanned(row)}

    cells = zip(FIELDS, one[1:], strict=True)
    assert {(field, canonical(field, cell, "CN")) for field, cell in cells} <= found


def test_two_numbers_side_by_side_are_two() -> None:
    """Numbers separated by a space are found separately, although a space can stand inside a number."""
    one = customer(2000)

    found = {(name, value) for name, value, _ in scanned(f"{one.resident_id} {one.phone} {one.card}")}

    assert {("resident_id", one.resident_id), ("phone", "+86" + one.phone), ("card", one.card)} <= found


@pytest.mark.parametrize(
    ("field", "value", "shows"),
    [
        (Field.EMAIL, "j.doe@mail.example", True),
        (Field.CARD, "4111 1111 1111 1111", True),
        (Field.WALLET, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", True),
        (Field.WALLET, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", False),
        (Field.PASSPORT, "L898902C36UTO7408122F1204159ZE184226B<<<<<10", True),
        (Field.PASSPORT, "E12345678", False),
        (Field.DRIVING_LICENCE, "12345678-Z", True),
        (Field.DRIVING_LICENCE, "D1234567", False),
        (Field.USERNAME, "summer99", False),
        (Field.ACCOUNT, "20014577", False),
    ],
)
def test_a_value_shows_what_it_is_or_its_column_says_so(field: Field, value: str, shows: bool) -> None:
    """Some values show their field by themselves; others are accepted only in a column of the field."""
    assert (recognised(field, value, "CN"), canonical(field, value, "CN") is not None) == (shows, True)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["CN", "US"]))
def test_any_text_can_be_scanned(text: str, region: str) -> None:
    """No text raises an error, and the span of each candidate has a canonical form again."""
    for one in scan(text, region):
        assert canonical(one.field, text[one.start : one.end], region) is not None or one.field == Field.PHONE


BAIT = {
    "ats": "@" * 200_000,
    "local parts": "a." * 100_000 + "@",
    "domains": "a@" + "b." * 100_000,
    "hyphens": "a@" + "-" * 200_000,
    "addresses without end": "a@b." * 50_000,
    "digits": "1" * 200_000,
    "groups": "1 " * 100_000,
    "parentheses": "(" * 200_000,
    "pluses": "+1" * 100_000,
    "almost an iban": "GB00" * 50_000,
    "letters": "ab12 " * 40_000,
    "separators": "1 -." * 50_000,
    "almost wallets": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 " * 2_000,
    "letters of wallets": "1" + "A" * 100_000,
    "bech32": "bc1" * 60_000,
    "hex": "0x" * 100_000,
    "almost zones": "L898902C36UTO7408122F1204159ZE184226B<<<<<11 " * 1_000,
    "dates in zones": "7408122F1204159" * 3_000,
    "licences": "12345678Z " * 5_000,
}


@pytest.mark.parametrize("text", BAIT.values(), ids=BAIT)
@pytest.mark.slow
def test_bait_takes_no_longer_than_twice_its_double(text: str) -> None:
    """Time grows about linearly: four times the text takes far less than sixteen times as long."""
    quarter = text[: len(text) // 4]

    def seconds(bait: str) -> float:
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            for _ in scan(bait, "CN"):
                pass
            best = min(best, time.process_time() - started)
        return best

    assert seconds(text) < 9 * seconds(quarter) + 0.1


def test_numbers_at_random_are_rarely_cards() -> None:
    """About one of 25 random 16-digit numbers is a card: one of ten passes Luhn, issuers exclude more."""
    chance = random.Random(3)

    hits = sum(card("".join(chance.choices("0123456789", k=16))) is not None for _ in range(20_000))

    assert 0.02 < hits / 20_000 < 0.06


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (Field.EMAIL, " ", "empty"),
        (Field.EMAIL, "none", "placeholder"),
        (Field.PHONE, "170 0000", "not_in_use"),
        (Field.PHONE, "call me", "malformed"),
        (Field.RESIDENT_ID, "110101189901010010", "wrong_check_digit"),
        (Field.RESIDENT_ID, "110101189913010010", "malformed"),
        (Field.CARD, "4111111111111112", "wrong_check_digit"),
        (Field.CARD, "0000000000000000", "not_in_use"),
        (Field.IBAN, "GB00TEST00000000000001", "wrong_check_digit"),
        (Field.IBAN, "XX00", "malformed"),
    ],
)
def test_a_refused_value_has_a_reason(field: Field, value: str, reason: str) -> None:
    """A refused value has a reason from a fixed list of slugs."""
    assert (canonical(field, value, "CN"), refusal(field, value)) == (None, reason)


def test_the_invented_customers_are_real_enough() -> None:
    """Every value of the invented customers is valid for its field."""
    for one in customers(1200)[::40]:
        assert all(canonical(field, cell, "CN") for field, cell in zip(FIELDS, one[1:], strict=True))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("li***,***799@mail.example", []),
        ("wan***2@mail.example, w**2@mail.example, w*2@mail.example", []),
        ("***799@a.example,***798@b.example;wa***", []),
        ("＊＊＊799@mail.example", []),
        ("••••799@mail.example a•799@mail.example", []),
        ("张***799@mail.example", []),
        ("***799@mail.example****", []),
        ("**799@mail.example**x", []),
        ("*799@mail.example", []),
        ("**anna@mail.example**, *bob@mail.example*.", ["anna@mail.example", "bob@mail.example"]),
        ("邮箱**anna@mail.example**", ["anna@mail.example"]),
        ("•anna@mail.example ■bob@mail.example", ["anna@mail.example", "bob@mail.example"]),
        ("* anna@mail.example **: bob@mail.example", ["anna@mail.example", "bob@mail.example"]),
        ("anna***@mail.example", []),
    ],
)
def test_what_a_mask_left_of_an_address_is_no_address(text: str, addresses: list[str]) -> None:
    """The rest of a masked address belongs to others; emphasis and bullets are no masks."""
    assert of_field(text, Field.EMAIL) == addresses
    found = Scanner("CN", {Field.EMAIL}).scan_text(text)[Field.EMAIL]
    assert found.forms() == addresses
