"""A document: one text, wherever it was packed, with its charset, its format, and how reading it ended."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from matching.errors import InputFailed, InputRefused
from matching.inputs.formats.blocks import PLAIN, Block, LineShape
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.recognition import RecognisedFormat, recognised
from matching.inputs.formats.record_ends import record_end
from matching.inputs.formats.xlsx import XlsxWorkbook
from matching.inputs.limits import InputBudget
from matching.inputs.outcomes import InputOutcome, ending_of
from matching.inputs.streams import Window


class _Content(Protocol):
    """What a document's blocks are made of."""

    format: str

    @property
    def charset(self) -> str: ...
    @property
    def shape(self) -> LineShape: ...
    @property
    def size(self) -> int:
        """Bytes read so far."""

    @property
    def broken(self) -> int: ...
    def blocks(self, after: int) -> Iterator[Block]: ...


class Document:
    """`blocks` can be read once, and only until the next document is asked for."""

    def __init__(self, name: str, content: _Content | None, ending: InputOutcome | None = None) -> None:
        """`content` None: there is none to read, and `ending` says why."""
        self.name = name
        self.ending = ending  # there once the blocks have been read
        self._content = content
        self._rows = 0

    @property
    def charset(self) -> str:
        """As far as is known yet: ASCII at the beginning says nothing of what follows. "" without content."""
        return self._content.charset if self._content else ""

    @property
    def format(self) -> str:
        """csv, tsv, jsonl, json, sql, combo, keyvalue, html, xlsx or text; "" without content."""
        return self._content.format if self._content else ""

    @property
    def shape(self) -> LineShape:
        """That of all blocks; where tables differ (sql, xlsx), that of a block is its own."""
        return self._content.shape if self._content else PLAIN

    def blocks(self, after: int = 0, *, rows: int = 0) -> Iterator[Block]:
        """The blocks whose offset is `after` or more, which is 0 or a block's `end`; `rows` were before it.

        Raises nothing: whatever keeps the rest from being read is in `ending`, which is there at the end.
        """
        content = self._content
        if content is None:
            return
        error = None
        self._rows = rows
        try:
            for block in content.blocks(after):
                self._rows += block.rows
                yield block
        except InputRefused as refused:
            error = refused
        except MemoryError:
            raise
        except Exception as mistake:  # noqa: BLE001 - it is this document's ending, and others are still to be read
            error = InputFailed(
                f"the program made a mistake in reading it ({type(mistake).__name__} at {_where(mistake)}); "
                "please report that"
            )
        self.ending = ending_of(error, size=content.size, rows=self._rows, broken=content.broken)


def _where(error: Exception) -> str:
    """The line of the program; the message may hold what was read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


_BY_LINES = frozenset({"csv", "tsv", "combo", "keyvalue", "text"})


class TextContent:
    """A window's text."""

    def __init__(self, window: Window, budget: InputBudget, regions: Sequence[str]) -> None:
        """Looks at the beginning; raises what keeps it from being read."""
        self._window = window
        self._text = DecodedText(window, budget)
        sample = self._text.sample()
        self._found: RecognisedFormat = recognised(sample, regions)
        by_lines = self._found.format in _BY_LINES and self._text.charset == "utf-8"
        if by_lines and (sign := record_end(sample)) is not None:
            self._text.end_lines(sign)
            self._found = recognised(self._text.sample(), regions)
        self.format = self._found.format

    @property
    def charset(self) -> str:
        return self._text.charset

    @property
    def shape(self) -> LineShape:
        return self._found.reader.shape

    @property
    def size(self) -> int:
        return self._window.position

    @property
    def broken(self) -> int:
        return self._text.broken

    def blocks(self, after: int) -> Iterator[Block]:
        return self._found.reader.blocks(self._text, after)


class WorkbookContent:
    """A workbook's sheets."""

    format = "xlsx"
    charset = "utf-8"  # of what is made of it
    shape: LineShape = PLAIN
    broken = 0

    def __init__(self, workbook: XlsxWorkbook) -> None:
        self._workbook = workbook

    @property
    def size(self) -> int:
        return self._workbook.size

    def blocks(self, after: int) -> Iterator[Block]:
        return (block for block in self._workbook.blocks() if block.offset >= after)
