"""Properties: all that Python's own writers write, in any dialect, is read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.inputs.formats.blocks import Block
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import (
    DelimitedReader,
    DelimitedShape,
    Dialect,
    cell_index,
    join_records,
)
from matching.inputs.formats.json_records import JsonRecordsReader, JsonShape, sample_records, unescape
from matching.inputs.formats.recognition import FormatReader
from matching.inputs.formats.sql import SqlReader
from matching.inputs.formats.sql_tables import ESCAPING, STANDARD
from matching.inputs.limits import InputBudget, Limits
from matching.inputs.streams import StreamWindow

CN = ("CN",)
CELL = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab1@.,;|\t\"'\\\n\r(){}[]: 中文"), st.characters(exclude_categories=["Cs", "Cc"])
    ),
    max_size=12,
)
TABLE = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=12)
)


def _blocks(reader: FormatReader, data: bytes) -> list[Block]:
    text = DecodedText(StreamWindow(io.BytesIO(data)), InputBudget(Limits()))
    text.charset = "utf-8"
    return list(reader.blocks(text, 0))


def _spaced(cell: str) -> str:
    """Replace line ends inside of a cell by spaces."""
    return cell.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")


def _each_spaced(cell: str) -> str:
    """The same, with one space per character: rows of an INSERT keep their length."""
    return cell.replace("\n", " ").replace("\r", " ")


def _cells(blocks: Sequence[Block], width: int) -> list[list[str]]:
    rows = [row.cells for block in blocks for row in block.shape.cells(block, range(1, width + 1))]
    return [[_spaced(cell) for cell in row] for row in rows]


@given(TABLE, st.sampled_from(",;|\t^"), st.sampled_from("\"'"), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_csv_is_read_as_python_reads_it(
    rows: list[list[str]], delimiter: str, quote: str, escape: bool, all_quoted: bool
) -> None:
    """Any delimiter, quote and escape is read, with line ends, delimiters and quotes inside of cells."""
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    if not all_quoted:  # until 3.13 Python does not quote a carriage return
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    csv.writer(
        out, delimiter=delimiter, quotechar=quote, lineterminator="\n", quoting=quoting,  # type: ignore[arg-type]
        doublequote=not escape, escapechar="\\" if escape else None,
    ).writerows(rows)  # fmt: skip
    dialect = Dialect(delimiter.encode(), quote.encode(), escape)
    shape = DelimitedShape(dialect, [["header", "names"]], CN)
    shape.header = False

    found = _cells(_blocks(DelimitedReader(shape), out.getvalue().encode()), len(rows[0]))

    assert found == [[_spaced(cell) for cell in row] for row in rows if any(row)]


@given(TABLE, st.sampled_from(",;|\t^"))
@settings(max_examples=100, deadline=None)
def test_a_cell_s_bytes_are_in_its_column(rows: list[list[str]], delimiter: str) -> None:
    """The bytes of each cell are in the column of that cell."""
    marked = [[f"<{number}>{cell}" for number, cell in enumerate(row)] for row in rows]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(marked)
    dialect = Dialect(delimiter.encode(), b'"')

    lines = join_records(out.getvalue().encode(), dialect, final=True).text.split(b"\n")[:-1]

    assert len(lines) == len(rows)
    for line in lines:
        places = [line.index(b"<%d>" % number) for number in range(len(rows[0]))]
        assert [cell_index(line, place, dialect) for place in places] == list(range(len(rows[0])))


def _plain(value: object) -> object:
    """Replace control characters by spaces, in keys and values."""
    if isinstance(value, str):
        return "".join(" " if ord(sign) < 32 or ord(sign) == 127 else sign for sign in value)
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


KEY = st.text(alphabet="abcdefg姓名", min_size=1, max_size=5)
VALUE = st.recursive(
    st.one_of(CELL, st.integers(-(2**53), 2**53), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEY, inner, max_size=3)),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(KEY, VALUE, min_size=1, max_size=5), min_size=1, max_size=8)


@given(RECORDS, st.sampled_from([None, 0, 2]), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
@pytest.mark.slow
def test_any_json_is_read_as_python_reads_it(
    records: list[dict[str, object]], indent: int | None, ascii_only: bool, wrapped: bool
) -> None:
    """JSON is read whether it is indented, escaped, or wrapped in an object."""
    document = {"RECORDS": records} if wrapped else records
    data = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    level = 2 if wrapped else 1

    blocks = _blocks(JsonRecordsReader(JsonShape(sample_records(data, level, CN), CN), level, CN), data)

    lines = b"".join(block.text for block in blocks).split(b"\n")[:-1]
    found = [json.loads(line) for line in lines if line.strip(b'"RECORDS: [')]
    assert found == [_plain(record) for record in records]


@given(CELL, st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_string_comes_out_of_its_escapes(text: str, ascii_only: bool) -> None:
    """Escapes are decoded, except quotes and backslashes, so that the line stays JSON."""
    written = json.dumps(text, ensure_ascii=ascii_only).encode()

    assert json.loads(unescape(written)) == _plain(text)


def _literal(cell: str, *, escapes: bool) -> str:
    if not escapes:
        return "'" + cell.replace("'", "''") + "'"
    for sign, written in (
        ("\\", "\\\\"),
        ("'", "\\'"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
    ):
        cell = cell.replace(sign, written)
    return f"'{cell}'"


@given(TABLE, st.booleans(), st.sampled_from([",", ", ", " ,\n"]))
@settings(max_examples=100, deadline=None)
def test_any_insert_is_read_back(rows: list[list[str]], escapes: bool, between: str) -> None:
    """Strings may hold parentheses, commas, both quotes and line ends, in either way of escaping."""
    tuples = between.join(
        "(" + ",".join(_literal(cell, escapes=escapes) for cell in row) + ")" for row in rows
    )
    data = f"INSERT INTO `users` VALUES {tuples};\n".encode()

    blocks = _blocks(SqlReader(ESCAPING if escapes else STANDARD, CN), data)

    found = _cells(blocks, len(rows[0]))
    expected = [
        [_each_spaced(cell.replace("\t", " ") if escapes else cell) for cell in row]
        for row in rows
        if any(row)
    ]
    assert found == expected


STATEMENTS = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.tuples(CELL.map("x{}".format), CELL), min_size=1, max_size=2)),
    min_size=1,
    max_size=14,
)


@example([(0, [("x", "a\r\nb")])], False, "\n", "VALUES ")
@given(STATEMENTS, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["VALUES ", "values"]))
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_tables_may_change_with_each_statement(
    statements: list[tuple[int, list[tuple[str, str]]]], escapes: bool, end: str, values: str
) -> None:
    """Each row has its table and its line, with one or two rows per statement."""
    data, expected = "", []
    for table, rows in statements:
        data += f"INSERT INTO t{table} (a{table},b) {values}"
        for number, row in enumerate(rows):
            data += "," if number else ""
            expected.append((f"a{table}", data.count("\n") + 1, tuple(map(_each_spaced, row))))
            data += "(" + ",".join(_literal(cell, escapes=escapes) for cell in row) + ")"
        data += f";{end}"

    blocks = _blocks(SqlReader(ESCAPING if escapes else STANDARD, CN), data.encode())

    found = [
        (block.shape.columns[0].name, block.line(place), cells)
        for block in blocks
        if block.shape.columns
        for place, cells in block.shape.cells(block, (1, 2))
    ]
    tabs = [(name, number, tuple(map(_untabbed, cells))) for name, number, cells in found]
    assert sorted(tabs, key=lambda one: one[1]) == [
        (name, number, tuple(map(_untabbed, cells))) for name, number, cells in expected
    ]


def _untabbed(cell: str) -> str:
    return cell.replace("\t", " ").replace("\r", " ")
