"""Travel documents and driving licences: recognised by check digits in a text, by the column in a table."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.es import dni, nie

from matching.identifiers import Field, canonical, refusal, scan

# The specimens of ICAO 9303, parts 4 to 6; the last has a number of twelve characters.
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD1_LONG = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"


def found(text: str, field: Field = Field.PASSPORT) -> list[tuple[str, str]]:
    """Return canonical form and written text of each candidate."""
    return [(one.canonical, text[one.start : one.end]) for one in scan(text, "CN", {field})]


@pytest.mark.parametrize(
    ("zone", "number", "written"),
    [
        (TD3, "L898902C3", "L898902C3"),
        (TD2, "D23145890", "D23145890"),
        (TD1, "D23145890", "D23145890"),
        (TD1_LONG, "D23145890734", "D23145890<734"),
    ],
)
@pytest.mark.parametrize("between", ["\n", "\r\n", "", " ", "\\n"])
def test_the_zone_of_a_document_gives_its_number(zone: str, number: str, written: str, between: str) -> None:
    """A zone of each size gives its number, with real or escaped line breaks or none."""
    text = "mrz: " + zone.replace("\n", between) + ";"

    assert found(text) == [(number, written)]


def test_the_second_line_is_enough() -> None:
    """The second line is enough, because it holds the number and the check digits."""
    assert found(f"x,{TD3.splitlines()[1]},y") == [("L898902C3", "L898902C3")]


def check(written: str) -> str:
    """Return the check digit of ICAO 9303: digits count as they are, A is 10, a filler 0; weights 7, 3, 1."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return str(sum(max(0, alphabet.find(sign)) * (7, 3, 1)[at % 3] for at, sign in enumerate(written)) % 10)


DAYS = st.dates().map(lambda day: f"{day:%y%m%d}")
NUMBERS = st.from_regex(r"[A-Z0-9]{0,8}[0-9]", fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(
    NUMBERS, st.sampled_from(["D<<", "CHN", "USA"]), DAYS, st.sampled_from("MFX<"), DAYS, st.integers(0, 43)
)
def test_one_wrong_character_is_no_passport(
    number: str, state: str, born: str, sex: str, expires: str, wrong: int
) -> None:
    """A valid line is found; with one character changed, anywhere, it is not.

    The changed character has another value modulo 10: to the check digits, H (17) and R (27) are equal.
    """
    filled, optional = number.ljust(9, "<"), "<" * 14
    parts = [filled + check(filled), state, born + check(born), sex, expires + check(expires), optional + "0"]
    line = "".join(parts)
    line += check(parts[0] + parts[2] + parts[4] + parts[5])
    damaged = line[:wrong] + str((int(line[wrong].replace("<", "0"), 36) + 1) % 10) + line[wrong + 1 :]

    assert [[one for one, _ in found(line)], found(damaged)] == [[number], []]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("e1234 5678", "E12345678"),
        ("C01X-00T47", "C01X00T47"),
        (TD3, "L898902C3"),
        ("123456789", "123456789"),
        ("ABCDEFG", None),
        ("000000000", None),
        ("1234", None),
        ("see attachment 1", None),
    ],
)
def test_a_cell_of_a_column_of_passports(value: str, number: str | None) -> None:
    """A number alone is accepted in a column of passports if its letters and digits are plausible."""
    assert canonical(Field.PASSPORT, value, "CN") == number


def test_bare_numbers_in_a_text_are_no_passports() -> None:
    """A number alone is not found in a text, because nothing shows what it is."""
    assert found("passport E12345678, 123456789") == []


def test_digits_at_random_are_no_passports() -> None:
    """A megabyte of random capitals and digits in lines of 44 gives no candidate."""
    chance = random.Random(5)
    lines = ("".join(chance.choices("0123456789MF<", k=44)) for _ in range(24_000))

    assert found("\n".join(lines)) == []


# --- driving licences

DIGITS = st.text("0123456789", min_size=8, max_size=8)


@settings(max_examples=300, deadline=None)
@given(DIGITS, st.sampled_from("TRWAGMYFPDXBNJZSQVHLCKE"), st.sampled_from(["", "X", "Y", "Z"]))
def test_a_spanish_licence_is_what_stdnum_says(digits: str, letter: str, first: str) -> None:
    """The letter of a DNI or NIE is checked as in stdnum."""
    number = (first or digits[0]) + digits[1:] + letter
    valid = nie.is_valid(number) if first else dni.is_valid(number)

    assert found(f"DNI {number}.", Field.DRIVING_LICENCE) == ([(number, number)] if valid else [])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("第 309012345620 号", ["309012345620"]),
        ("第 309012345630 号", []),
        ("第 159012345620 号", []),
        ("CNH 58316794534", ["58316794534"]),
        ("CNH 58316794535", []),
        ("12345678-Z", ["12345678Z"]),
        ("111111111111 and 00000000000", []),
        ("x309012345620 and 5831679453400", []),
    ],
)
def test_licences_are_recognised_by_their_check_digits(text: str, numbers: list[str]) -> None:
    """Japanese, Brazilian and Spanish numbers are found by check digits, as whole words."""
    assert [number for number, _ in found(text, Field.DRIVING_LICENCE)] == numbers


@pytest.mark.parametrize(
    ("value", "number"),
    [("morga-657054-sm9ij", "MORGA657054SM9IJ"), ("D 123 4567", "D1234567"), ("none", None), ("AAAAA", None)],
)
def test_a_cell_of_a_column_of_licences(value: str, number: str | None) -> None:
    """A column of licences accepts letters and digits of any country."""
    assert canonical(Field.DRIVING_LICENCE, value, "GB") == number


def test_japanese_check_digits_cover_all_of_the_number() -> None:
    """Other serials match the same check digit in about one case of eleven."""
    others = [f"3090{serial:06}20" for serial in range(123_000, 124_000)]

    right = sum(bool(found(other, Field.DRIVING_LICENCE)) for other in others)

    assert 70 < right < 200


@pytest.mark.parametrize("field", [Field.PASSPORT, Field.DRIVING_LICENCE])
def test_a_refused_document_has_a_reason(field: Field) -> None:
    """A text is malformed, a word for an unknown value is a placeholder, and a blank is empty."""
    assert [refusal(field, value) for value in ("see file", "N/A", " ")] == [
        "malformed",
        "placeholder",
        "empty",
    ]


def test_what_is_found_is_what_the_cell_holds() -> None:
    """The text of each candidate has the same canonical form as a cell."""
    text = "\n".join([TD3, TD2, TD1, TD1_LONG, "309012345620 58316794534 12345678-Z"])

    spans = [
        (one.canonical, canonical(one.field, text[one.start : one.end], "CN"))
        for one in scan(text, "CN", {Field.PASSPORT, Field.DRIVING_LICENCE})
    ]

    assert [form for form, _ in spans] == [again for _, again in spans]
    assert len(spans) == len(re.findall("UTO7408|UTO<<<<<<<<<<<[26]", text)) + 3
