"""The same two hundred customers in every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.matching.inputs.customers import EMAIL, NAMES, PHONE, TABLES, Row, as_combo, customers, plain
from tests.matching.inputs.reading import Read, lines, one

Write = Callable[[list[Row]], bytes]
EACH = pytest.mark.parametrize(("format_", "write"), [pytest.param(*rest, id=name) for name, *rest in TABLES])
LONGEST = {"json": 8, "html": 8}  # lines of a record


def _cells(found: Read) -> list[Row]:
    """Return the cells of customers, without headers."""
    return [tuple(map(plain, row)) for row in found.cells(1, 2, 3, 4, 5, 6) if row[0].isdigit()]


@EACH
def test_every_format_gives_the_same_cells(format_: str, write: Write) -> None:
    """Cells are read back as they were, except that line ends and tabs inside of them are spaces."""
    rows = customers()

    found = one(write(rows))

    assert (found.format, found.ending.outcome) == (format_, "whole")
    assert _cells(found) == [tuple(map(plain, row)) for row in rows]


@EACH
def test_a_hit_says_its_column_and_its_line(format_: str, write: Write) -> None:
    """Each customer's telephone number is in the column of the role phone, on its line of the source."""
    rows = customers()
    source = write(rows)

    found = one(source)

    places = [
        (line, number, str(block.shape.where(line, at)))
        for block in found.blocks
        for line, number in lines(block)
        if (at := line.find(b"1700000")) >= 0
    ]
    for row, (line, number, column) in zip(rows, places, strict=True):
        assert row[2].encode() in line
        assert column.startswith(f"column {PHONE}, phone")
        assert row[2].encode() in _near(format_, source, number, row)


def _near(format_: str, source: bytes, number: int, row: Row) -> bytes:
    """Return the source's lines of a record that begins at `number`; a sheet's first row is its header."""
    if format_ == "xlsx":
        return row[2].encode() if number == int(row[0]) + 1 else b""
    return b"\n".join(source.split(b"\n")[number - 1 :][: LONGEST.get(format_, 1)])


@EACH
def test_columns_have_roles_and_names(format_: str, write: Write) -> None:
    """Columns have the roles that their cells show, and the names that the dump has."""
    found = one(write(customers()))

    columns = found.blocks[-1].shape.columns
    assert [columns[1].role, columns[PHONE - 1].role, columns[EMAIL - 1].role][1:] == ["phone", "email"]
    assert [column.name for column in columns] in ([*NAMES], [""] * len(NAMES))


@EACH
@pytest.mark.slow
def test_reading_goes_on_behind_any_block(format_: str, write: Write, tmp_path: Path) -> None:
    """Reading from a block's end on yields the blocks behind it, with the same line numbers."""
    path = tmp_path / "dump"
    path.write_bytes(write(customers(9_000)))
    whole = one(path)

    rest = one(path, after=whole.blocks[0].end)

    assert len(whole.blocks) > 1
    assert [block.text for block in rest.blocks] == [block.text for block in whole.blocks[1:]]
    assert [block.line(0) for block in rest.blocks] == [block.line(0) for block in whole.blocks[1:]]


def test_a_combo_list_is_two_columns() -> None:
    """A combo list has two columns, although a password holds the separator."""
    found = one(as_combo(customers(20)))

    assert found.format == "combo"
    assert found.cells(1, 2)[0] == ("person1@mail.example", "pass:1")
    assert str(found.blocks[0].shape.where(b"person1@mail.example:pass:1", 22)) == "column 2, password"


def test_a_record_may_be_longer_than_a_block() -> None:
    """A cell of 700 kB over many lines is one record, and the next record has the right line number."""
    remark = "\n".join(["word"] * 140_000)
    source = f'id,email,remark\n1,a@mail.example,"{remark}"\n2,b@mail.example,short\n'.encode()

    found = one(source)

    numbered = [(line[:18], number) for block in found.blocks for line, number in lines(block)]
    assert numbered[1:] == [(b'1,a@mail.example,"', 2), (b"2,b@mail.example,s", 140_002)]


def test_a_quote_that_never_closes_takes_no_rows_with_it() -> None:
    """A quote inside of a cell, or one that does not close, is an ordinary character."""
    rows = [f"{number},person{number}@mail.example,plain" for number in range(50)]
    rows[10], rows[20] = '10,"broken,plain', '20,person20@mail.example,5" pipe'
    source = ("\n".join([*rows, '51,"quoted, twice",x']) + "\n").encode()

    found = one(source)

    assert found.text == source


def test_sql_of_several_tables_is_told_apart() -> None:
    """Each block holds the rows of one table; text between statements has its own block."""
    source = b"".join(
        b"-- MySQL dump\nINSERT INTO `a` (`id`,`mail`) VALUES (%d,'p%d@mail.example');\n"
        b"INSERT INTO b (phone) VALUES ('1700000%04d') ,\n ('1700001%04d');\n" % (n, n, n, n)
        for n in range(5)
    )

    found = one(source)

    tables = {
        tuple((column.role, column.name) for column in block.shape.columns): block.rows
        for block in found.blocks
    }
    assert tables == {(): 5, ((None, "id"), ("email", "mail")): 5, (("phone", "phone"),): 10}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"dear all,\nthe list is for sale.\nwrite to me\n", "text"),
        (b"[2024-01-01] started\n[2024-01-02] stopped\n[2024-01-03] x\n", "text"),
        (b"name: x\nphone: 1\n\nname: y\nphone: 2\n", "keyvalue"),
        (b"a1----b----c\na2----b----c\na3----b----c\n", "combo"),
        (b"user1:secret\nuser2:other\nuser3:third\nuser4:more\n", "combo"),
        (b"Name:Anna\nEmail:a@mail.example\nPhone:+491713\nCity:Bonn\n", "keyvalue"),
        (b"BEGIN:VCARD\nFN:A\nEMAIL;TYPE=HOME:a@mail.example\nitem1.TEL:+491713\nEND:VCARD\n", "keyvalue"),
        (b"admin:secret\nphone:other\nuser3:third\nuser4:more\nuser5:x\nuser6:y\n", "combo"),
        (b'{"a": 1}\n', "json"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b"<tr><td>x<td>y\n", "html"),
        (b"", "text"),
    ],
)
def test_content_says_the_format(source: bytes, expected: str) -> None:
    """The content decides on the format."""
    found = one(source)

    assert found.format == expected


def test_html_keeps_what_only_an_attribute_says() -> None:
    """An address in a link is kept, entities are decoded, and cells need not be closed."""
    source = b"<table><tr><td>1<td><a href='mailto:a@mail.example'>write</a><td>b&#64;mail.example</table>"

    found = one(source)

    assert found.text == b"1\ta href='mailto:a@mail.example' write\tb@mail.example\n"


def test_json_escapes_are_undone() -> None:
    """Escapes in JSON are decoded, and the line stays JSON."""
    source = b'{"a":"x\\u0040mail.example","b":"\\u5f20\\/\\"q\\"\\\\u0041\\nz","c":"\\ud83d\\ude00"}\n' * 2

    found = one(source)

    assert found.text == '{"a":"x@mail.example","b":"张/\\"q\\"\\\\u0041 z","c":"😀"}\n'.encode() * 2


def test_columns_of_a_block_are_known_by_all_rows_up_to_it() -> None:
    """The columns of a block are decided by all rows up to its end, and not by later ones."""
    first = b"INSERT INTO t VALUES (1,'person1@mail.example');\n"
    source = first + b"-- a remark\n" * 50_000 + first * 10

    found = one(source)

    roles = [[column.role for column in block.shape.columns] for block in found.blocks if block.shape.columns]
    assert roles == [[None, None], [None, "email"]]


ROWS = [(f"person{number}@mail.example", f"+49171392{number:05}") for number in range(60)]
CELL = "<table><tr><td>seen</td></tr></table>"


@pytest.mark.parametrize(
    ("format_", "source"),
    [
        ("jsonl", "".join(f'{{"note": "{CELL}", "mail": "<{e}>", "phone": "{p}"}}\n' for e, p in ROWS)),
        ("sql", "".join(f"{CELL}\nINSERT INTO a VALUES ('{CELL}','<{e}>','{p}');\n" for e, p in ROWS)),
        ("csv", "".join(f'"{CELL}",<{e}>,{p}\n' for e, p in ROWS)),
        ("csv", "".join(f"<b>x</b>,<{e}>,{p}\n" for e, p in ROWS)),
        ("text", "".join(f"{CELL} ask <{e}> about {p}\n" for e, p in ROWS)),
        ("text", "".join(f"<b> see {e} there\n<i> or call {p}\n<a> hello\n" for e, p in ROWS)),
        ("text", "".join(f"<user><email>{e}</email><phone>{p}</phone></user>\n" for e, p in ROWS)),
        (
            "text",
            "<table name='a'>\n" + "".join(f"<column>{e}</column><column>{p}</column>\n" for e, p in ROWS),
        ),
    ],
)
def test_a_cell_of_html_makes_no_page_of_another_format(format_: str, source: str) -> None:
    """A table in a note, addresses in angle brackets, and XML: nothing of them is dropped."""
    found = one(source.encode())

    assert found.format == format_
    text = found.text.decode()
    assert [(e in text, p in text) for e, p in ROWS] == [(True, True)] * len(ROWS)


@pytest.mark.parametrize(
    "source",
    [
        "<!-- saved --><!DOCTYPE html><p>%s",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><td>%s</td>",
        "All of them:\n<table>\n<tr><td>1</td><td>%s</td></tr>\n</table>\n",
        "<div class=x>\n<ul>\n<li>%s</li>\n</ul>\n</div>\n",
    ],
)
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<a.b@mail.example>", "<a.b@mail.example>"),
        ("<p.q@mail.example>", "<p.q@mail.example>"),
        ("<b@mail.example>", "<b@mail.example>"),
        ("<mailto:x@mail.example>", "<mailto:x@mail.example>"),
        ("<address>x@mail.example</address>", "x@mail.example"),
        ("<i>x</i>@mail.example", "x@mail.example"),
        ("<b x@mail.example>", "x@mail.example"),
        ("<div data-mail='x@mail.example'>", "x@mail.example"),
        ("<unknown>", "<unknown>"),
    ],
)
def test_only_tags_of_html_are_removed(source: str, written: str, shown: str) -> None:
    """A text that begins like a page, or is mostly tags, is HTML, and what is no tag of HTML stays."""
    found = one((source % written).encode())

    assert found.format == "html"
    assert shown in found.text.decode()


def test_cells_that_begin_with_an_address_in_an_attribute_stay_cells() -> None:
    """The attribute's text is in the cell to which it belongs."""
    found = one(b"<tr data-user='a@mail.example'><td title='b@mail.example'>1</td><td>2</td></tr>\n")

    (line,) = found.text.splitlines()
    assert [b"b@mail.example" in cell for cell in line.split(b"\t")] == [True, False]


def test_tags_of_a_page_divide_words() -> None:
    """A title, a button or an option is no part of the word behind it; a tag for style is."""
    page = (
        "<html><head><title>Quil Marsh</title></head><body>x<option>a</option><option>b</option>"
        "<address>c</address>d <b>e</b>f</body></html>"
    )

    assert one(page.encode()).text.decode().split() == ["Quil", "Marsh", "x", "a", "b", "c", "d", "ef"]
