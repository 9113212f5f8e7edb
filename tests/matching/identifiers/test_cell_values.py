"""What a cell holds besides its value, and cells with several values."""

import pytest

from matching.identifiers import Field, cell_forms

A, B = "+491713920001", "+491713920002"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("01713920001.0", [[A]]), ("+491713920001.0", [[A]]), ("+491713920001.00", [[A]]),
        ("01713920001,0", [[A]]), ("０１７１３９２０００１．０", [[A]]), ("'+491713920001", [[A]]),
        ("’0171 3920001", [[A]]), ('="01713920001"', [[A]]), ("'01713920001.0'", [[A]]),
        ("Tel.: 0171/3920001", [[A]]), ("tel:+491713920001", [[A]]),
        ("0171 3920001; +49 171 3920002", [[A], [B]]), ("0171/3920001 / 0171/3920002", [[A], [B]]),
        ("0171 3920001/0171 3920002", [[A], [B]]), ("0171 3920001 und 0171 3920002", [[A], [B]]),
        ("0171 3920001、0171 3920002", [[A], [B]]), ("0171 3920001\n'+491713920001", [[A]]),
        ("0171 3920001; n/a", [[A]]), ("mobil: 0171 3920001 | privat: 0171 3920002", [[A], [B]]),
    ],
)  # fmt: skip
def test_the_numbers_of_a_cell_are_read(cell: str, expected: list[list[str]]) -> None:
    """What programs write around a number is taken off, and several numbers are parted."""
    assert cell_forms(Field.PHONE, cell, "DE") == expected


@pytest.mark.parametrize(
    "cell",
    ["0171 3920001; 12", "ca. 20000", "1.0", "3.14159265", "n/a", "", "'", "a; b",
     "4.91713920001E+11", "order 12 or 13", "491,713,920"],
)  # fmt: skip
def test_other_cells_hold_no_number(cell: str) -> None:
    """A cell is parted only if each part with a digit is a telephone number."""
    assert cell_forms(Field.PHONE, cell, "DE") == []


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
        ("a@b.example,c@d.example", ["a@b.example", "c@d.example"]),
        ("A@b.example\nc@d.example", ["a@b.example", "c@d.example"]),
        ("a@b.example；c@d.example", ["a@b.example", "c@d.example"]),
        ("Ann Poe <a@b.example>", ["a@b.example"]),
        ("'a@b.example", ["a@b.example"]),
        ("mailto:a@b.example", ["a@b.example"]),
        ("a@b.example; a@B.example", ["a@b.example"]),
        ("a@b.example; none", ["a@b.example"]),
        ("***9@b.example", []),
        ("a@@b.example", []),
        ("a at b.example", []),
        ("@handle", []),
    ],
)
def test_the_addresses_of_a_cell_are_read(cell: str, expected: list[str]) -> None:
    """Each whole address of a cell counts, once; the rest of a masked one does not."""
    assert cell_forms(Field.EMAIL, cell, "DE") == [[one] for one in expected]


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        (Field.CARD, "4111111111111111.0", ["4111111111111111"]),
        (Field.CARD, "'4111111111111111", ["4111111111111111"]),
        (Field.ACCOUNT, "20014577.0", ["20014577"]),
        (Field.ACCOUNT, "2001.00", ["200100"]),
        (Field.ACCOUNT, "2001.4577", ["20014577"]),
        (Field.USERNAME, "'anna", ["'anna"]),
        (Field.USERNAME, "12345678.0", ["12345678.0"]),
    ],
)
def test_other_fields_lose_only_what_a_program_added(field: Field, cell: str, expected: list[str]) -> None:
    """A card and an account lose the .0 of a number; groups of digits and user names stay as they are."""
    assert cell_forms(field, cell, "DE") == [expected]
