"""From a text or a dump's block to its sample rows.

1. The signs for hidden characters are brought to one, line by line (`mask_signs`).
2. A line is divided into cells at its delimiter, a record over several lines into its fields (`text_rows`,
   `record_lines`). A text in JSON, SQL or HTML, and a block with columns, have cells already.
3. Each cell gives the values that it shows (`line_values`): whole identifiers, numbers with a mask
   (`numbers`), addresses (`emails`), dates (`birth_dates`), names (`names`).
4. Lines of one shape, one below another, are a table: its header and its columns decide what is left open
   (`row_tables`).
5. A row is kept if what it shows says something of a person (`people`).

A value that can be several things is left out and counted. Work is bounded: characters, lines, cells, values
of a line and rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

from matching.inputs import Block, Document, documents
from matching.inputs.formats.delimited import DelimitedShape
from matching.inputs.formats.plain_lines import KeyValueShape, PairsShape
from matching.inputs.formats.recognition import recognise_format
from matching.masked_samples.labels import LabelKind, role_of_label
from matching.masked_samples.mask_signs import plain_cell
from matching.masked_samples.sample_rows import SampleRow
from matching.masked_samples.text_rows import CELLS, LinePlaces, RowReader, SampleReading, holds_values

__all__ = ["ROWS_LIMIT", "SampleReading", "read_block", "read_document", "read_sample", "read_sample_rows"]

#: Characters of a text that are read.
TEXT_LIMIT = 1 << 22
#: Rows of a text or a document that are returned.
ROWS_LIMIT = 10_000
_STRUCTURED = frozenset({"json", "jsonl", "sql", "html"})
_MAY_BE_STRUCTURED = re.compile(rb"\s*[\[{<\"]|(?s:.{0,65536}?)(?i:insert\s{1,9}into|\bcopy\b|<table)")
_SAMPLE_BYTES = 1 << 16
_STEP = 256  # rows between two looks at the clock


def _never() -> bool:
    return False


def read_sample_rows(text: str, *, region: str, limit: int = ROWS_LIMIT) -> list[SampleRow]:
    """Return the rows of a text, at most `limit`. `region`: of telephone numbers without a country code."""
    return read_sample(text, region=region, limit=limit).rows


def read_sample(
    text: str, *, region: str, limit: int = ROWS_LIMIT, expired: Callable[[], bool] = _never
) -> SampleReading:
    """Return the rows of a text, and what was left out. `expired`: True once the time is up."""
    reading = SampleReading()
    if len(text) > TEXT_LIMIT:
        reading.cut.add("text")
        text = text[:TEXT_LIMIT]
    if _is_structured(text, region):
        _read_structured(text, reading, region, limit, expired)
    else:
        RowReader(reading, LinePlaces.of_text(text), region, limit, expired).read_text(text)
    return reading


def read_document(
    document: Document, *, region: str, limit: int = ROWS_LIMIT, expired: Callable[[], bool] = _never
) -> SampleReading:
    """Return the rows of all blocks of a document, numbered through."""
    reading = SampleReading()
    for block in document.blocks():
        read_block(block, reading, region=region, limit=limit, expired=expired)
        if reading.cut:
            break
    return reading


def read_block(
    block: Block,
    reading: SampleReading,
    *,
    region: str,
    limit: int = ROWS_LIMIT,
    expired: Callable[[], bool] = _never,
) -> None:
    """Add the rows of a block to `reading`. Their places are its offset and characters of its text."""
    reader = RowReader(reading, LinePlaces.of_block(block), region, limit, expired)
    columns = block.shape.columns[:CELLS]
    # The fields of records lose the masks at their ends, and a pair is more than two columns.
    if len(columns) < 2 or isinstance(block.shape, KeyValueShape | PairsShape):
        reader.read_text(block.text.decode("utf-8", "replace"), block)
        return
    names = [column.name for column in columns]
    rows: list[tuple[int, list[str]]] = []
    if holds_values(names):
        rows, names = _first_row(block), [""] * len(names)
    for row in block.shape.cells(block, [column.number for column in columns]):
        if len(rows) >= limit or (len(rows) % _STEP == 0 and expired()):
            reading.cut.add("rows" if len(rows) >= limit else "time")
            break
        rows.append((row.place, list(map(plain_cell, row.cells))))
    if rows:
        kinds = [_kind_of_content(column.role) for column in columns]
        roles = [role_of_label(name) or kind for name, kind in zip(names, kinds, strict=True)]
        reader.read_table(rows, roles, names)


def _first_row(block: Block) -> list[tuple[int, list[str]]]:
    """Return the first row of a table, where its reader took it for the names of the columns."""
    shape = block.shape
    if block.first_line != 1 or not isinstance(shape, DelimitedShape) or not shape.header:
        return []
    first = block.text.split(b"\n", 1)[0].decode("utf-8", "replace")
    return [(0, list(map(plain_cell, shape.dialect.split(first)[:CELLS])))]


_NO_VALUES = frozenset({"password", "wallet", "passport", "driving_licence"})
_UNDECIDED = frozenset({"account", "username"})


def _kind_of_content(role: str | None) -> LabelKind | None:
    """Return what the cells of a column without a known name are."""
    if role in _NO_VALUES:
        return LabelKind.OTHER
    return None if role is None or role in _UNDECIDED else LabelKind(role)


def _is_structured(text: str, region: str) -> bool:
    sample = text[:_SAMPLE_BYTES].encode("utf-8", "replace")
    return (
        _MAY_BE_STRUCTURED.match(sample) is not None
        and recognise_format(sample, (region,)).format in _STRUCTURED
    )


def _read_structured(
    text: str, reading: SampleReading, region: str, limit: int, expired: Callable[[], bool]
) -> None:
    """Read a text as a document. The place of a row is that of the line on which it begins."""
    origin = LinePlaces.of_text(text)
    for document in documents("text", BytesIO(text.encode("utf-8", "replace")), regions=(region,)):
        left = limit - len(reading.rows)
        found = read_document(document, region=region, limit=left, expired=expired)
        reading.ambiguous += found.ambiguous
        reading.cut |= found.cut
        for row in found.rows:
            start, end = origin.span(row.line - 1, row.line - 1)
            reading.rows.append(SampleRow(len(reading.rows) + 1, row.line, start, end, row.values))
