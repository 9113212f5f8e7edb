"""Rows: which lines of a text belong to one person."""

import pytest

from matching.inputs.formats.rows import RECORD_LINES, TextRows


def rows_of(text: str) -> list[int]:
    """Return the row of each line, counted from 0."""
    rows = TextRows(text)
    starts = [0, *(place + 1 for place, character in enumerate(text) if character == "\n")]
    numbers = [rows.row_of(start) for start in starts]
    return [sorted(set(numbers)).index(number) for number in numbers]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\nc,d\ne,f", [0, 1, 2]),
        ("name: x\nemail: y\n\nname: z\nemail: w", [0, 0, 1, 2, 2]),
        ("name: x\nemail: y\nname: z\nemail: w", [0, 0, 1, 1]),
        ("姓名：张\n手机：1\n姓名：李\n手机：2", [0, 0, 1, 1]),
        ("name=x\nemail=y\n----\nname=z", [0, 0, 1, 2]),
        ('{\n "email": "x",\n "phone": "y"\n},\n{\n "email": "z"\n}', [0, 1, 1, 2, 3, 4, 5]),
        ("a@b.example:pw\nc@d.example:pw", [0, 1]),
        ("https://a.example\nhttps://b.example", [0, 1]),
        ("", [0]),
    ],
)
def test_records_of_several_lines_are_one_row(text: str, rows: list[int]) -> None:
    """A repeated key, an empty line or a line of another form ends a record."""
    assert rows_of(text) == rows


def test_a_record_is_bounded() -> None:
    """A record has a bounded number of lines, so a file of different keys is not one row."""
    text = "\n".join(f"key {'x' * number}: 1" for number in range(1, 31)) * 1
    many = "\n".join(f"k{chr(0x4E00 + number)}: 1" for number in range(RECORD_LINES + 5))

    assert (len(set(rows_of(text))), len(set(rows_of(many)))) == (1, 2)


def test_empty_lines_are_no_rows() -> None:
    """Empty lines do not count as rows."""
    assert TextRows("a\n\n\nb\n").count == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str) -> None:
    """Line numbers are those that an editor shows, for any line end."""
    text = end.join(["a", "b", "c"])

    assert [TextRows(text).line_of(text.index(line)) for line in "abc"] == [1, 2, 3]
