"""The company's own columns are declared from a header or a TOML file, and no value of a list ever is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from matching.enrolment.schema import schema_of_file, schema_of_list
from matching.errors import SchemaFileInvalid
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.fingerprints.segments.declared_schema import DeclaredColumn
from tests.matching.customers import customer
from tests.matching.invoked import answered, invoke

ROWS = [
    [str(number).zfill(10), f"138{number:08}", "ABC"[number % 3] + "1", "03-JUN-17", f"Street {number}"]
    for number in range(40)
]
HEADER = ["CUST_NO", "Phone", "custLvlCd", "open dt", "addr"]


def test_a_header_with_styles_and_shapes() -> None:
    """Names are folded, styles and shapes come from the cells; a column of addresses has neither."""
    found = schema_of_list(HEADER, ROWS, ["CN"])

    assert found is not None
    assert found.columns == (
        DeclaredColumn(name="cust_no", style="padded 10"),
        DeclaredColumn(name="phone"),
        DeclaredColumn(name="cust_lvl_cd", shapes=("A9",)),
        DeclaredColumn(name="open_dt", style="DD-MON-YY"),
        DeclaredColumn(name="addr"),
    )


def test_no_cell_is_in_the_schema() -> None:
    """Whatever a list holds, its JSON has no cell of it but single codes' shapes."""
    rows = [list(customer(number)) for number in range(1, 60)]
    found = schema_of_list(["name", "email", "phone", "resident_id", "card", "iban"], rows, ["CN"])

    assert found is not None
    stated = found.model_dump_json().casefold()
    assert [cell for row in rows for cell in row if cell.casefold() in stated] == []


@pytest.mark.parametrize(
    "first",
    [
        ROWS[0],
        ["Zhang Wei", "13800001234", "A1", "03-JUN-17", ""],
        ["Zhang Wei", "", "", "", ""],
        ["Zhang Wei", "zhang.wei@mail.example", "", "", ""],
        ["phone", "13800001234", "level", "date", "addr"],
        ["phone", "reply to zhang@mail.example", "level", "date", "addr"],
        ["phone", customer(1).resident_id, "x", "y", "z"],
        ["phone", "4111 1111 1111 1111", "x", "y", "z"],
        ["phone", "x" * 61, "x", "y", "z"],
        ["phone", "order 20170603", "x", "y", "z"],
        ["", "", "", "", ""],
        [],
    ],
    ids=range(12),
)
def test_a_first_line_that_may_be_a_customer_is_not_declared(first: list[str]) -> None:
    """A list without a header would otherwise send its first customer to the monitor."""
    assert schema_of_list(first, ROWS, ["CN"]) is None


def test_a_file(tmp_path: Path) -> None:
    """Styles and codes are declared by example; codes are kept as shapes only."""
    path = tmp_path / "schema.toml"
    path.write_text(
        """
        [[columns]]
        name = "CUST_NO"
        numbers = "padded 10"
        [[columns]]
        name = "custLvlCd"
        codes = ["P1", "S2", "P10"]
        [[columns]]
        name = "open_dt"
        dates = "dd-mon-yy"
        [[columns]]
        name = "客户等级"
        codes = [1, 2, 3]
        [[columns]]
        name = ""
        """,
        encoding="utf-8",
    )

    assert schema_of_file(path).columns == (
        DeclaredColumn(name="cust_no", style="padded 10"),
        DeclaredColumn(name="cust_lvl_cd", shapes=("A9", "A99")),
        DeclaredColumn(name="open_dt", style="DD-MON-YY"),
        DeclaredColumn(name="客户等级", shapes=("9",)),
        DeclaredColumn(),
    )


@pytest.fixture
def premises(tmp_path: Path) -> Path:
    """A key, and a list with columns that only this company has."""
    write_key(RootKey("k1", bytes(range(32))), tmp_path / "quillmere.key", datetime(2026, 3, 1, tzinfo=UTC))
    rows = [HEADER, *ROWS]
    (tmp_path / "list.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    return tmp_path


ENROLL = ("enroll", "list.csv", "--key", "quillmere.key", "--out")


def declared(premises: Path, segment: str) -> tuple[str, ...]:
    schema = open_segment(premises / segment).header.declared_schema
    return schema.names if schema else ()


def test_a_base_declares_its_header(premises: Path) -> None:
    """By default; not with --no-schema, and never the columns of a known breach. A delta adds none."""
    told = answered(premises, *ENROLL, "0.segment")
    answered(premises, *ENROLL, "1.segment", "--base", "0.segment")
    answered(premises, *ENROLL, "none.segment", "--no-schema")
    answered(premises, *ENROLL, "old.segment", "--purpose", "known-breach", "--label", "shop-2019")

    names = ("cust_no", "phone", "cust_lvl_cd", "open_dt", "addr")
    assert (told["declared_columns"], declared(premises, "0.segment")) == (5, names)
    assert [declared(premises, f"{name}.segment") for name in ("1", "none", "old")] == [(), (), ()]


def test_a_file_declares_another_export(premises: Path) -> None:
    """--schema takes precedence over the header, and is of a company's own customers only."""
    (premises / "schema.toml").write_text("[[columns]]\nname = 'SRC_SYS'\n")
    told = answered(premises, *ENROLL, "0.segment", "--schema", "schema.toml")
    breach = ("--purpose", "known-breach", "--label", "x")

    refused = [
        invoke(premises, *ENROLL, "x.segment", "--schema", "schema.toml", *other).code
        for other in (breach, ("--no-schema",))
    ]

    assert (told["declared_columns"], declared(premises, "0.segment")) == (1, ("src_sys",))
    assert refused == [2, 2]
    assert not (premises / "x.segment").exists()


@pytest.mark.parametrize(
    ("content", "key_words"),
    [
        ("", "[[columns]]"),
        ("columns = []", "[[columns]]"),
        ("columns = 3", "[[columns]]"),
        ("not toml", "not valid TOML"),
        ("[[columns]]\nname = 3", "column 1"),
        ("[[columns]]\nname = 'a'\nvalues = ['b']", "column 1"),
        ("[[columns]]\nname = 'a'\n[[columns]]\ncodes = ['b']", "column 2"),
        ("[[columns]]\nname = 'a'\ndates = 'sometimes'", "style"),
        ("[[columns]]\nname = 'a'\ndates = 7", "style"),
        ("[[columns]]\nname = 'a'\nnumbers = 'padded 3'", "style"),
        ("[[columns]]\nname = 'a'\ndates = 'YYYYMMDD'\nnumbers = '1234.56'", "one of them"),
        ("[[columns]]\nname = 'a'\ncodes = 'A1'", "as a list"),
        ("[[columns]]\nname = 'a'\ncodes = ['two words']", "other signs"),
        ("[[columns]]\nname = 'a'\ncodes = ['']", "is empty"),
        ("[[columns]]\nname = '---'", "no column"),
        ("[[columns]]\nname = 'a'\n" * 301, "301 columns"),
        ("[[columns]]\nname = 'a'\n[other]\nx = 1", "nothing else"),
    ],
    ids=range(17),
)
def test_a_file_that_is_wrong(tmp_path: Path, content: str, key_words: str) -> None:
    """The message says what is wrong and in which column."""
    path = tmp_path / "schema.toml"
    path.write_text(content)

    with pytest.raises(SchemaFileInvalid) as refused:
        schema_of_file(path)

    assert key_words in str(refused.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, bytes that are no UTF-8, and a file that is much too large."""
    bad, large = tmp_path / "bad.toml", tmp_path / "large.toml"
    bad.write_bytes(b"\xff\xfe")
    large.write_bytes(b"#" * ((1 << 20) + 1))

    for path in (tmp_path / "none.toml", bad, large):
        with pytest.raises(SchemaFileInvalid):
            schema_of_file(path)
