"""Tables of a leak in the formats in which leaks come, held against the company's own columns."""

import io
import json

import pytest

from matching.attribution.leak_tables import TABLES_LIMIT, tables_of
from matching.attribution.schema_fit import SchemaVerdict, compare_schema
from matching.fingerprints.segments.declared_schema import DeclaredColumn, DeclaredSchema
from matching.inputs import documents
from tests.matching.customers import customer
from tests.matching.inputs.archives import zipped

DECLARED = DeclaredSchema(
    columns=(
        DeclaredColumn(name="cust_no", style="padded 10"),
        DeclaredColumn(name="email"),
        DeclaredColumn(name="cust_lvl_cd", shapes=("A9",)),
        DeclaredColumn(name="open_dt", style="DD-MON-YY"),
    )
)
NAMES = ("CUST_NO", "EMAIL", "CUST_LVL_CD", "OPEN_DT")
ROWS = [
    (str(number).zfill(10), customer(number).email, f"{'PS'[number % 2]}{number % 3}", "03-JUN-17")
    for number in range(1, 40)
]


def _csv(delimiter: str, *, header: bool = True) -> bytes:
    rows = [NAMES, *ROWS] if header else ROWS
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def _sql() -> bytes:
    columns = ", ".join(f"`{name}`" for name in NAMES)
    rows = ",\n".join("(" + ", ".join(f"'{cell}'" for cell in row) + ")" for row in ROWS)
    return f"INSERT INTO `t_cust` ({columns}) VALUES\n{rows};\n".encode()


def _json() -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS).encode()


CONTENTS = {
    "csv": _csv(","),
    "semicolons": _csv(";"),
    "tabs": _csv("\t"),
    "sql": _sql(),
    "jsonl": _json(),
    "zip": zipped({"a/readme.txt": b"Enjoy!\n", "a/t_cust.csv": _csv("|")}),
}


@pytest.mark.parametrize("form", CONTENTS)
def test_a_leak_of_the_companys_own_export_fits(form: str) -> None:
    """All four columns agree, three of them in something unusual, whatever the format."""
    tables = tables_of(documents("leak", io.BytesIO(CONTENTS[form])))

    fits = [compare_schema(DECLARED, table) for table in tables]
    assert [fit.verdict for fit in fits] == [SchemaVerdict.FITS]
    assert [fit.name for fit in fits[0].fits if fit.is_unusual] == ["cust_no", "cust_lvl_cd", "open_dt"]


def test_a_leak_without_a_header_is_compared_by_position() -> None:
    """Its styles are at the same places."""
    (table,) = tables_of(documents("leak.csv", io.BytesIO(_csv(",", header=False))))

    found = compare_schema(DECLARED, table)

    assert (table.names, found.by_position, found.verdict) == ([], True, SchemaVerdict.FITS)


POST = b"Fresh database, one million rows.\nEscrow, no samples by mail.\n\nPrice: 300, fixed\nContact me"


@pytest.mark.parametrize("text", [b"", POST, POST * 20], ids=["empty", "post", "posts"])
def test_text_without_a_table_does_not_differ(text: bytes) -> None:
    """A post's words are no columns that speak against the company's own."""
    tables = tables_of(documents("post.txt", io.BytesIO(text)))

    verdicts = {compare_schema(DECLARED, table).verdict for table in [*tables, None]}
    assert verdicts == {SchemaVerdict.NO_COLUMNS}


def test_an_archive_of_many_tables_is_bounded() -> None:
    """Of a thousand files with other columns each, twenty tables are kept; equal ones count once."""
    same = {f"{number}.csv": _csv(",") for number in range(10)}
    other = {f"{number}.csv": _csv(",").replace(b"CUST_NO", b"no_%d" % number) for number in range(40)}

    assert len(tables_of(documents("same.zip", io.BytesIO(zipped(same))))) == 1
    assert len(tables_of(documents("other.zip", io.BytesIO(zipped(other))))) == TABLES_LIMIT


def test_a_table_does_not_show_itself() -> None:
    """Rows of a leak are not in the text of an exception or a log."""
    (table,) = tables_of(documents("leak.csv", io.BytesIO(_csv(","))))

    assert "mail.example" not in repr(table)
