"""Workbooks, as other programs write them."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import openpyxl
import pytest

from matching.inputs import Limits
from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import as_csv, as_xlsx, customers, plain
from tests.matching.inputs.reading import Read, lines, one


def _numbered(found: Read) -> list[tuple[int, bytes]]:
    return [(number, line) for block in found.blocks for line, number in lines(block)]


@pytest.mark.parametrize("streamed", [False, True], ids=["shared strings", "strings in place"])
def test_a_workbook_of_another_program_is_read(streamed: bool) -> None:
    """Rows keep their numbers, and empty cells keep their place."""
    book = openpyxl.Workbook(write_only=streamed)
    sheet = book.create_sheet("List") if streamed else book.active
    sheet.append(["姓名", "phone", "e-mail", "remark"])
    sheet.append(["柏宁沛", 17000000001, "person1@mail.example", "two\nlines & <b>"])
    sheet.append([])
    sheet.append(["程佳", "17000000002", None, True])
    out = io.BytesIO()
    book.save(out)

    found = one(out.getvalue())

    assert (found.format, found.ending.outcome) == ("xlsx", "whole")
    assert _numbered(found) == [
        (1, "姓名\tphone\te-mail\tremark".encode()),
        (2, "柏宁沛\t17000000001\tperson1@mail.example\ttwo lines & <b>".encode()),
        (4, "程佳\t17000000002\t\t1".encode()),
    ]


def test_each_sheet_has_its_own_columns() -> None:
    """Each sheet of a workbook has its own columns; dates are numbers of days, as stored."""
    book = openpyxl.Workbook()
    for number, (name, cells) in enumerate([("a", ["id", "e-mail"]), ("b", ["手机", "day"])], 1):
        sheet = book.create_sheet(name)
        sheet.append(cells)
        for row in range(3):
            day = datetime(2024, 1, row + 1)  # noqa: DTZ001 - a sheet's dates have no zone
            sheet.append([row, f"p{row}@mail.example"] if number == 1 else [f"1700000000{row}", day])
    out = io.BytesIO()
    book.save(out)

    found = one(out.getvalue())

    assert [[(one.role, one.name) for one in block.shape.columns] for block in found.blocks] == [
        [(None, "id"), ("email", "e-mail")],
        [("phone", "手机"), (None, "day")],
    ]


def test_numbers_as_excel_keeps_them_are_whole() -> None:
    """A number that Excel stores with an exponent is written as a whole number."""
    parts = _parts(as_xlsx(customers(3)))
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"<v>17000000002</v>", b"<v>1.7000000002E10</v>")

    found = one(zipped(parts))

    assert b"\t17000000002\t" in found.text


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        ('<c r="XFD2"><v>17000000009</v></c>', "whole"),
        ('<c r="XFE2"><v>17000000009</v></c>', "too_large"),
        (f'<c r="G2" t="inlineStr"><is><t>{"a" * ((1 << 18) + 1)}</t></is></c>', "too_large"),
    ],
)
def test_cells_beyond_a_limit_are_said(cell: str, outcome: str) -> None:
    """A cell behind the last column, or longer than the limit, gives the document a reason."""
    parts = _parts(as_xlsx(customers(3)))
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"</row>", cell.encode() + b"</row>", 1)

    found = one(zipped(parts))

    assert found.ending.outcome == outcome
    assert b"person3@mail.example" in found.text


def test_formatted_and_spoken_strings_are_one_string_each() -> None:
    """The runs of a formatted string are joined, and its pronunciation is left out."""
    parts = _parts(as_xlsx(customers(2)))
    strings = parts["xl/sharedStrings.xml"].decode()
    runs = "<si><r><t>person1@</t></r><r><t>mail.example</t></r><rPh><t>aloud</t></rPh></si>"
    before = '<si><t xml:space="preserve">person1@mail.example</t></si>'
    parts["xl/sharedStrings.xml"] = strings.replace(before, runs).encode()

    found = one(zipped(parts))

    assert found.cells(4)[0] == ("person1@mail.example",)
    assert b"aloud" not in found.text


def test_damage_in_a_sheet_keeps_the_rows_before_it() -> None:
    """Rows before the point where the XML ends are read, and the outcome is `damaged`."""
    parts = _parts(as_xlsx(customers(50)))
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet[: sheet.index(b'<row r="31"') + 30]

    found = one(zipped(parts))

    assert (found.ending.outcome, found.ending.rows) == ("damaged", 30)


def test_a_cell_far_to_the_right_makes_no_long_row() -> None:
    """Cells beyond Excel's last column, which are said, and strings that do not exist are left out."""
    parts = _parts(as_xlsx(customers(2)))
    sheet = parts["xl/worksheets/sheet1.xml"]
    more = b'<c r="ZZZZ2"><v>1</v></c><c r="G2" t="s"><v>99999999</v></c></row>'
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"</row>", more, 2)

    found = one(zipped(parts), Limits(free_bytes=1 << 22))

    assert found.ending.outcome == "too_large"
    assert len(found.text) < 1_000


def test_a_sheet_reads_as_the_same_table_in_a_csv() -> None:
    """A sheet and a CSV of the same table have the same cells."""
    rows = customers(40)

    sheet, table = one(as_xlsx(rows)), one(as_csv(rows))

    numbers = (1, 2, 3, 4, 5, 6)
    assert sheet.cells(*numbers) == [tuple(map(plain, row)) for row in table.cells(*numbers)]


def _parts(source: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
