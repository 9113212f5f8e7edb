"""An apostrophe that is not escaped damages only its own row. All people are invented."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.matching.inputs.reading import lines, one

COUNT = 3_000
#: Ways of writing the same rows.
FORMS: dict[str, Callable[[Sequence[str]], str]] = {
    "one statement": lambda rows: f"INSERT INTO `t` VALUES {','.join(rows)};\n",
    "a row a line": lambda rows: "INSERT INTO `t` VALUES\n" + ",\n".join(rows) + ";\n",
    "a statement each": lambda rows: "".join(
        f"INSERT INTO `t` (`a`,`b`,`c`,`d`) VALUES {row};\n" for row in rows
    ),
    "tables in turn": lambda rows: "".join(
        f"INSERT INTO `t{place % 3}` VALUES {row};\n" for place, row in enumerate(rows)
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damaged", [(100,), (100, 2_000), range(50, COUNT, 100), range(COUNT)])
@pytest.mark.parametrize("dialect", ["MySQL", "PostgreSQL"])
def test_a_quote_too_many_takes_no_other_row_with_it(form: str, damaged: Sequence[int], dialect: str) -> None:
    """People between two such quotes keep rows of their own."""
    rows = [f"({n},'N{n}','person{n}@mail.example','1700000{n:04}')" for n in range(COUNT)]
    for place in damaged:
        rows[place] = rows[place].replace("'N", "'O'N")

    dump = one(f"-- {dialect} database dump\n{FORMS[form](rows)}".encode())

    lines = [line for block in dump.blocks for line in block.text.split(b"\n")]
    found = [line.count(b"@mail.example") for line in lines]
    assert (dump.format, sum(found), max(found)) == ("sql", COUNT, 1)
    alone = [row.encode()[1:-1] for place, row in enumerate(rows) if place not in damaged]
    assert set(alone) <= set(lines)


def test_a_string_may_look_like_rows() -> None:
    """Text that looks like rows is a value where every quote closes."""
    rows = [(str(n), f"see (1,'a'),(2,'b');\nINSERT INTO t VALUES ({n})") for n in range(300)]
    values = ",".join("({},'{}')".format(n, text.replace("'", "''")) for n, text in rows)

    dump = one(f"-- PostgreSQL database dump\nINSERT INTO t (a, b) VALUES {values};\n".encode())

    assert dump.cells(1, 2) == [(n, text.replace("\n", " ")) for n, text in rows]


@pytest.mark.parametrize("before", [0, 1, 30])
@pytest.mark.parametrize("values", ["('open)", '(")', "(')", "()", "(1)(2)", "(1\\)", "", "("])
@pytest.mark.parametrize("behind", ["", "some words\n", "INSERT INTO a VALUES ('last@mail.example');\n"])
def test_a_table_whose_only_statement_holds_no_row_takes_nothing_with_it(
    before: int, values: str, behind: str
) -> None:
    """Rows before and behind a statement without rows are read, and so is its own text."""
    rows = "".join(f"INSERT INTO a VALUES ({number},'x{number}@mail.example');\n" for number in range(before))
    text = f"{rows}INSERT INTO b VALUES {values};\n{behind}"

    dump = one(text.encode())

    addresses = sorted(re.findall(r"\w+@mail", text))
    assert sorted(re.findall(r"\w+@mail", dump.text.decode())) == addresses
    assert dump.ending.outcome == "whole"


#: Parts of SQL, to be put together in any order.
PARTS = [
    "INSERT INTO a VALUES ", "INSERT INTO `b` (`c`,`d`) VALUES", "COPY t (a, b) FROM stdin;\n", "\\.\n",
    "CREATE TABLE a (c int, d text);\n", "VALUES", "(1,'x')", '(2,"y")', "('z@mail.example')",
    "1\tz@mail.example\n", ",", ";\n", ";", "\n", "\r\n", "'", '"', "\\", "(", ")", "--", "/*", "*/",
    "N'", "E'\\'",
]  # fmt: skip


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PARTS), max_size=60))
@pytest.mark.slow
def test_no_order_of_its_parts_ends_the_reading(parts: Sequence[str]) -> None:
    """Parts of SQL in any order are read to the end, in lines with numbers."""
    dump = one(("INSERT INTO a VALUES (1,'first@mail.example');\n" + "".join(parts)).encode())

    assert (dump.format, dump.ending.outcome) == ("sql", "whole")
    assert dump.text.count(b"first@mail.example") == 1
    assert all(number > 0 for block in dump.blocks for _, number in lines(block))
