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
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from io import StringIO, TextIOBase
from itertools import zip_longest
from pathlib import Path
from typing import IO, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from text.printable import printable

# Characters by which a spreadsheet recognises a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL_LIMIT = 2_000  # maximum characters of a table cell; JSON and CSV contain the whole text
_PROSE_WIDTH = 20  # columns that a title or a sentence gets at least; less cannot be read


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


class StandardOutput(TextIOBase):
    """Standard output as a stream whose reader may leave: the writer goes on to its end, and to its exit
    code.
    """

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        try:
            return sys.stdout.write(text)
        except BrokenPipeError:
            discard_output(sys.stdout)
            return len(text)


def print_text(text: str) -> None:
    """Write lines as they are to standard output: a file's text that a person may redirect into a file."""
    _write(text)


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


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table. Only prose may be broken anywhere; a name, time or place stays whole."""

    name: str
    prose: bool = False
    extra: bool = False  # left out where the table is too wide for the terminal


def print_table(
    columns: Sequence[str | TableColumn],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    empty: str = "Nothing to show.",
    wide: bool = False,
) -> None:
    """Write a table to standard output, or `empty` if it has no rows. A cell is a Text or any other value.

    No cell is cut. Where the columns do not fit the terminal, extra columns are left out and cells wrap.
    Where that is not enough, prose is written under its row. Where even that is not enough, each row becomes
    a block of `name: value` lines with every field. If `wide`, each row is one line with every column.
    """
    screen = console()
    heads = [column if isinstance(column, TableColumn) else TableColumn(column) for column in columns]
    cells = [[_Cell.of(value, head) for value, head in zip(row, heads, strict=True)] for row in rows]
    if not cells:
        screen.print(Text(empty))
        return
    if title is not None:
        screen.print(Text(title), soft_wrap=True)
    needed = [max(cell_len(head.name), *(row[i].whole for row in cells)) for i, head in enumerate(heads)]
    least = [max(_longest_word(head.name), *(row[i].least for row in cells)) for i, head in enumerate(heads)]
    roomy = [min(needed[i], 2 * _PROSE_WIDTH) if head.prose else least[i] for i, head in enumerate(heads)]
    every = list(range(len(heads)))
    main = [i for i in every if not heads[i].extra]
    facts = [i for i in main if not heads[i].prose]
    for shown, bounds in ((every, roomy), (main, least), (facts, least)):
        wishes = [needed[i] for i in shown]
        widths = wishes if wide else _shared_out(screen.width, wishes, [bounds[i] for i in shown])
        if widths:
            under = [i for i in main if i not in shown] if shown is facts else []
            _print_rows(screen, [Text(heads[i].name, style="bold") for i in shown], widths)
            for row in cells:
                _print_rows(screen, [row[i].text for i in shown], widths)
                for i in under:
                    _print_hanging(screen, " " * 4, row[i].text)
            return
    _print_blocks(screen, heads, cells)


@dataclass(frozen=True, slots=True)
class _Cell:
    text: Text
    whole: int  # its width on one line
    least: int  # the width below which a name, time or place would be broken

    @classmethod
    def of(cls, value: object, head: TableColumn) -> _Cell:
        text = value if isinstance(value, Text) else Text(cell_text(value))
        whole = cell_len(text.plain)
        if head.prose:
            least = min(whole, _PROSE_WIDTH)
        elif isinstance(value, (datetime, list, tuple, set, frozenset)):
            least = _longest_word(text.plain)  # a line may end between date and time, and between the members
        else:
            least = whole
        return cls(text, whole, least)


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split(" ")), default=0)


def _total(widths: Sequence[int]) -> int:
    """Return the width of a table with two spaces between columns."""
    return sum(widths) + 2 * (len(widths) - 1)


def _shared_out(width: int, needed: Sequence[int], least: Sequence[int]) -> list[int]:
    """Return a width per column that fits, the smallest wishes granted first; empty if none fits."""
    left = width - _total(least)
    if left < 0:
        return []
    widths = list(least)
    waiting = sorted(range(len(widths)), key=lambda i: needed[i] - least[i])
    for place, i in enumerate(waiting):
        more = min(needed[i] - least[i], left // (len(waiting) - place))
        widths[i] += more
        left -= more
    return widths


def _print_rows(screen: Console, texts: Sequence[Text], widths: Sequence[int]) -> None:
    """Print the cells of one row beside each other, on as many lines as the longest needs."""
    wrapped = [_lines(screen, text, width) for text, width in zip(texts, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=Text("")):
        line = Text("")
        for part, width in zip(parts, widths, strict=True):
            line.append_text(part).append(" " * (width - cell_len(part.plain) + 2))
        line.rstrip()
        screen.print(line, soft_wrap=True)


def _print_hanging(screen: Console, start: str, text: Text, *, whole: bool = False) -> None:
    """Print `start` and a text, whose further lines are indented alike; nothing for an empty text."""
    room = screen.width - len(start)
    lines = [text] if whole or room < _PROSE_WIDTH else _lines(screen, text, room)
    for number, line in enumerate(lines if text.plain else []):
        screen.print(Text(" " * len(start) if number else start).append_text(line), soft_wrap=True)


def _lines(screen: Console, text: Text, width: int) -> list[Text]:
    if cell_len(text.plain) <= width:
        return [text]
    lines = list(text.wrap(screen, width, overflow="fold"))
    for line in lines:
        line.rstrip()
    return lines


def _print_blocks(screen: Console, heads: Sequence[TableColumn], cells: Sequence[Sequence[_Cell]]) -> None:
    """Print each row as lines of `name: value`, with an empty line between rows and no empty value."""
    for number, row in enumerate(cells):
        if number:
            screen.print()
        for head, cell in zip(heads, row, strict=True):
            start = f"{head.name}: " if head.name else ""
            _print_hanging(screen, start, cell.text, whole=not head.prose)


def print_line(sentence: str) -> None:
    """Write one line for people to standard output."""
    console().print(Text(printable(sentence, lines=True)), soft_wrap=True)


def print_hanging(sentence: str) -> None:
    """Write a sentence below another one: indented, and wrapped at the width of the terminal."""
    _print_hanging(console(), "  ", Text(printable(sentence, lines=False)))


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
