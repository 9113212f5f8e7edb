"""What commands write: tables for people, JSON for programs, CSV for spreadsheets.

Crawled text can attack a terminal: an escape sequence can rename the window or hide a line, and a
right-to-left override can reverse a name. In a spreadsheet, a cell that begins with "=" is a formula.
So all text on a screen goes through `printable`, and every CSV cell through `_harmless_cell`.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import IO, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from text.printable import printable

# Characters by which a spreadsheet recognises a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL_LIMIT = 2_000  # maximum characters of a table cell; JSON and CSV contain the whole text


class _Console(Console):
    """A console whose reader may leave: rich itself would then end the command with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Discard what is written from now on."""
        discard_output(self.file)


def discard_output(stream: IO[str]) -> None:
    """Send all further output of a stream to nowhere, because its reader left (`... | head -1`).

    The command goes on and ends with the exit code of its work.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _write(text: str) -> None:
    """Write to standard output; nothing happens if its reader left."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output(sys.stdout)


def console(stream: TextIO | None = None) -> Console:
    """Return a console without markup and emoji codes, because the text may have been crawled."""
    return _Console(file=stream or sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=False)


def cell_text(value: object) -> str:
    """Return a value for people: local time to the minute, "" for None, no control characters."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return printable(str(value.value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(cell_text(item) for item in value)
    return printable(str(value))[:_CELL_LIMIT]


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    empty: str = "Nothing to show.",
) -> None:
    """Write a table to standard output, or `empty` if it has no rows. A cell is a Text or any other value."""
    built = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        built.add_row(*(cell if isinstance(cell, Text) else Text(cell_text(cell)) for cell in row))
    console().print(built if built.row_count else Text(empty))


def print_line(sentence: str) -> None:
    """Write one line for people to standard output."""
    console().print(Text(printable(sentence, lines=True)), soft_wrap=True)


def print_error(sentence: str) -> None:
    """Write one line for people to standard error."""
    console(sys.stderr).print(Text(printable(sentence, lines=True)), soft_wrap=True)


def emit_json(value: object) -> None:
    """Write one JSON document to standard output, in ASCII: no terminal or code page can damage it."""
    _write(json.dumps(value, default=_jsonable, indent=2) + "\n")


def emit_json_line(value: object) -> None:
    """Write one JSON document on one line and flush it, for programs that follow the stream."""
    _write(json.dumps(value, default=_jsonable) + "\n")


def _jsonable(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def emit_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write CSV (RFC 4180) to standard output. An apostrophe before a formula makes it text."""
    buffer = StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless_cell(cell) for cell in row])
    _write(buffer.getvalue())


def _harmless_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)  # a negative number is not a formula
    text = str(_jsonable(value)) if isinstance(value, (datetime, Enum)) else str(value)
    text = printable(text.replace("\r\n", "\n"), lines=True)
    return "'" + text if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
