"""Text of commands cannot attack a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest

from cli.output import TableColumn, cell_text, emit_csv, emit_json, print_table
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


DETAIL = "The site answered 503, and the visit ended; it is tried again at the next slot."
RUNS = (
    TableColumn("source"),
    TableColumn("pages", extra=True),
    "outcome",
    "started",
    TableColumn("detail", prose=True),
)
STARTED = datetime(2026, 5, 1, 8, 0).astimezone()


def table_lines(
    capsys: pytest.CaptureFixture[str], name: str, place: str, *, wide: bool = False
) -> list[str]:
    """The lines of a table with one row."""
    print_table(RUNS, [(name, "7", place, STARTED, DETAIL)], wide=wide)
    return capsys.readouterr().out.splitlines()


def test_a_table_that_fits_has_every_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 columns only the sentence wraps."""
    monkeypatch.setenv("COLUMNS", "100")
    lines = table_lines(capsys, "market", "refused")

    assert lines[0].split() == ["source", "pages", "outcome", "started", "detail"]
    assert lines[1].startswith("market  7      refused  2026-05-01 08:00  The site answered 503, and")
    assert " ".join(line[42:] for line in lines[1:]) == DETAIL


def test_a_narrow_table_leaves_out_what_matters_less(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names stay whole, the extra column is missing, and the sentence wraps."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = table_lines(capsys, "northern-market", "parser_degraded")

    assert lines[0].split() == ["source", "outcome", "started", "detail"]
    assert lines[1].startswith("northern-market  parser_degraded  2026-05-01")
    assert max(map(len, lines)) <= 80


def test_a_sentence_without_room_goes_under_its_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other columns stay a table."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = table_lines(capsys, "northern-branches-of-the-market", "could_not_fetch")

    assert lines[0].split() == ["source", "outcome", "started"]
    assert lines[1] == "northern-branches-of-the-market  could_not_fetch  2026-05-01 08:00"
    assert all(line.startswith("    ") for line in lines[2:])
    assert " ".join(line.strip() for line in lines[2:]) == DETAIL


def test_a_row_that_fits_no_table_is_a_block(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that is longer than the terminal is printed on one line, and so is every other field."""
    monkeypatch.setenv("COLUMNS", "40")
    place = "exports/customers_of_the_northern_branches_2024.csv:12"
    lines = table_lines(capsys, "market", place)

    expected = ["source: market", "pages: 7", f"outcome: {place}", "started: 2026-05-01 08:00"]
    assert lines[:4] == expected
    assert " ".join(line.removeprefix("detail: ").strip() for line in lines[4:]) == DETAIL


def test_blocks_leave_out_empty_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty line stands between two blocks."""
    monkeypatch.setenv("COLUMNS", "20")
    print_table(("name", "reason"), [("a" * 30, None), ("b", "c")])

    assert capsys.readouterr().out == f"name: {'a' * 30}\n\nname: b\nreason: c\n"


def test_a_wide_table_has_one_line_per_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --wide the width of the terminal does not matter."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = table_lines(capsys, "market", "x" * 50, wide=True)

    assert lines[1] == f"market  7      {'x' * 50}  2026-05-01 08:00  {DETAIL}"
    assert len(lines) == 2


def test_wide_characters_keep_their_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Chinese title wraps by the cells it takes, and nothing of it is lost."""
    monkeypatch.setenv("COLUMNS", "40")
    title = "出售某公司学生数据" * 6
    print_table(("seller", TableColumn("title", prose=True)), [("某卖家", title)])
    lines = capsys.readouterr().out.splitlines()

    assert lines[1].startswith("某卖家  出售")
    assert "".join(lines[1:]).replace(" ", "") == "某卖家" + title


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
