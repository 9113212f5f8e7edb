"""Text of commands cannot attack a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest

from cli.output import cell_text, emit_csv, emit_json, print_table
from text.printable import printable


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b]0;owned\x07title", "]0;ownedtitle"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2066b\u2069c", "abc"),
        ("zero\u200bwidth", "zerowidth"),
        ("two\nlines\r\n", "two lines  "),
        ("\x9b31mc1", "31mc1"),
        ("趣店 ｑｕ", "趣店 ｑｕ"),
    ],
)
def test_nothing_printed_is_obeyed_by_a_terminal(hostile: str, harmless: str) -> None:
    """Escape sequences, bidi overrides, zero-width characters and line breaks are removed."""
    assert printable(hostile) == harmless


def test_a_table_prints_crawled_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither rich's own markup nor an escape sequence in a cell has an effect."""
    print_table(("title",), [("[bold red]x[/] \x1b[31my",)])

    printed = capsys.readouterr().out
    assert "[bold red]x[/] [31my" in printed
    assert "\x1b" not in printed


def test_an_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A table without rows prints its `empty` sentence."""
    print_table(("a",), [], empty="No run yet.")

    assert capsys.readouterr().out == "No run yet.\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "  =", "\r\n="])
def test_no_cell_of_a_csv_file_is_a_formula(capsys: pytest.CaptureFixture[str], start: str) -> None:
    """A cell that a spreadsheet would run as a formula becomes text, also after white space."""
    emit_csv(("title",), [(f"{start}cmd|'/c calc'!A1",)])

    (_, (cell,)) = csv.reader(io.StringIO(capsys.readouterr().out))
    assert cell.startswith("'")


def test_csv_keeps_numbers_and_quotes_what_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A negative amount stays a number, and commas, quotes and line breaks are preserved."""
    emit_csv(("a", "b", "c"), [(Decimal("-1.50"), 'say "hi", then\nleave', None)])

    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["a", "b", "c"], ["-1.50", 'say "hi", then\nleave', ""]]


def test_json_is_ascii_and_has_utc_times(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON contains ASCII only, no raw control character, and times in UTC."""

    class Colour(StrEnum):
        RED = "red"

    moment = datetime(2026, 5, 1, 8, 0, tzinfo=timezone(timedelta(hours=8)))
    emit_json({"at": moment, "amount": Decimal("0.10"), "kind": Colour.RED, "text": "趣\x1b", "set": {2, 1}})

    printed = capsys.readouterr().out
    expected = {
        "at": "2026-05-01T00:00:00Z",
        "amount": "0.10",
        "kind": "red",
        "text": "趣\x1b",
        "set": [1, 2],
    }
    assert json.loads(printed) == expected
    assert printed.isascii() and "\x1b" not in printed


def test_a_cell_shows_nothing_for_none_and_words_for_booleans() -> None:
    """None is an empty cell, and booleans are yes and no."""
    assert (cell_text(None), cell_text(True), cell_text([1, "a\x1b"])) == ("", "yes", "1, a")
    assert cell_text(datetime(2026, 5, 1, 8, 0, tzinfo=UTC)).startswith("2026-0")
