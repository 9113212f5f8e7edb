"""A document: one text, whatever it was packed in, with its charset, its format, and how reading it ended."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from matching.errors import InputFailed, InputRefused
from matching.inputs.containers.compressed import FramedWindow
from matching.inputs.formats.blocks import PLAIN, Block, LineShape
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.recognition import INDEPENDENT_READERS, RecognisedFormat, recognise_format
from matching.inputs.formats.record_ends import record_end
from matching.inputs.formats.xlsx import XlsxWorkbook
from matching.inputs.limits import InputBudget
from matching.inputs.outcomes import InputOutcome, text_outcome
from matching.inputs.streams import FileWindow, Window


class _Content(Protocol):
    """What a document's blocks are made of."""

    format: str

    @property
    def charset(self) -> str: ...
    @property
    def runner_ups(self) -> tuple[str, ...]:
        """Other charsets that the last block may be in."""

    @property
    def shape(self) -> LineShape: ...
    @property
    def size(self) -> int:
        """Bytes read so far."""

    @property
    def broken(self) -> int:
        """Characters that could not be decoded so far."""

    @property
    def no_text(self) -> int:
        """Bytes so far that were read as text and are none."""

    def blocks(self, after: int) -> Iterator[Block]: ...


class Document:
    """`blocks` can be read once, and only until the next document is asked for."""

    def __init__(self, name: str, content: _Content | None, ending: InputOutcome | None = None) -> None:
        """`content` None: there is nothing to read, and `ending` says why."""
        self.name = name
        self.ending = ending  # None until the blocks have been read
        self._content = content
        self._rows = 0
        self._runner_ups: dict[str, None] = {}

    @property
    def charset(self) -> str:
        """As far as is known yet: ASCII at the beginning says nothing of what follows. "" without content."""
        return self._content.charset if self._content else ""

    @property
    def format(self) -> str:
        """The names of docs/reference/inputs.md; "" without content."""
        return self._content.format if self._content else ""

    @property
    def shape(self) -> LineShape:
        """The shape of all blocks. Where tables differ (sql, xlsx), each block has its own shape."""
        return self._content.shape if self._content else PLAIN

    @property
    def seekable_text(self) -> DecodedText | None:
        """The text of a file, if a reader that resumes its state finds the same blocks from there on.

        The file may be compressed. None where blocks depend on what is before them, such as the rows of an
        INSERT, and in other containers.
        """
        return self._content.seekable_text if isinstance(self._content, TextContent) else None

    def blocks(self, after: int = 0, *, rows: int = 0) -> Iterator[Block]:
        """The blocks whose offset is at least `after`, which is 0 or a block's `end`.

        `rows`: rows before `after`, for the count in `ending`. Raises nothing: whatever keeps the rest from
        being read is in `ending`, which is set when the iterator ends.
        """
        content = self._content
        if content is None:
            return
        error = None
        self._rows = rows
        try:
            for block in content.blocks(after):
                self._rows += block.rows
                runner_ups = content.runner_ups
                if runner_ups:
                    self._runner_ups |= dict.fromkeys(runner_ups)
                    block = replace(block, charset=content.charset, runner_ups=runner_ups)
                yield block
        except InputRefused as refused:
            error = refused
        except MemoryError:
            raise
        except Exception as mistake:  # noqa: BLE001 - it becomes this document's ending, and others follow
            error = InputFailed(
                "Spillwatch made a mistake in reading it "
                f"({type(mistake).__name__} at {_code_line(mistake)}); please report that line"
            )
        self.ending = text_outcome(
            error,
            size=content.size,
            rows=self._rows,
            broken=content.broken,
            no_text=content.no_text,
            runner_ups=tuple(self._runner_ups),
        )


def _code_line(error: Exception) -> str:
    """The program's line that failed. The error's own message is not shown: it may hold a person's data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


_FORMATS_OF_LINES = frozenset({"csv", "tsv", "combo", "keyvalue", "text"})


class TextContent:
    """The text in a window."""

    def __init__(self, window: Window, budget: InputBudget, regions: Sequence[str]) -> None:
        """Decides on charset and format by the beginning; raises what keeps that from being read."""
        self._window = window
        self._text = DecodedText(window, budget)
        sample = self._text.sample()
        self._found: RecognisedFormat = recognise_format(sample, regions)
        of_lines = self._found.format in _FORMATS_OF_LINES and self._text.charset == "utf-8"
        if of_lines and (sign := record_end(sample)) is not None:
            self._text.use_line_end(sign)
            self._found = recognise_format(self._text.sample(), regions)
        self.format = self._found.format

    @property
    def seekable_text(self) -> DecodedText | None:
        by_itself = isinstance(self._found.reader, INDEPENDENT_READERS)
        return self._text if by_itself and isinstance(self._window, FileWindow | FramedWindow) else None

    @property
    def charset(self) -> str:
        return self._text.charset

    @property
    def runner_ups(self) -> tuple[str, ...]:
        return self._text.runner_ups

    @property
    def shape(self) -> LineShape:
        return self._found.reader.shape

    @property
    def size(self) -> int:
        return self._window.position

    @property
    def broken(self) -> int:
        return self._text.broken

    @property
    def no_text(self) -> int:
        return self._text.no_text

    def blocks(self, after: int) -> Iterator[Block]:
        return self._found.reader.blocks(self._text, after)


class WorkbookContent:
    """The sheets of a workbook."""

    format = "xlsx"
    charset = "utf-8"  # of the blocks
    runner_ups: tuple[str, ...] = ()
    shape: LineShape = PLAIN
    broken = 0
    no_text = 0

    def __init__(self, workbook: XlsxWorkbook) -> None:
        self._workbook = workbook

    @property
    def size(self) -> int:
        return self._workbook.size

    def blocks(self, after: int) -> Iterator[Block]:
        return (block for block in self._workbook.blocks() if block.offset >= after)
