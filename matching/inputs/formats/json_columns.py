"""JSON that is written column by column, as pandas does: `{"email": {"0": "a@...", "1": ...}, ...}`.

A row's cells have the same key in each column, or the same place where the columns are arrays of one length.
So the whole text is needed for the first row. It is taken up to `TEXT_BYTES`; a longer one is read value by
value, without rows, and its ending says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from matching.errors import InputTooLarge
from matching.inputs.formats.blocks import BLOCK, Block, LineShape
from matching.inputs.formats.columns import COLUMNS_LIMIT
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.json_records import JsonRecordsReader, JsonShape

#: Bytes of a text whose rows are put together; it takes about eight times as much memory.
TEXT_BYTES = 16 << 20
_SAMPLE_RECORDS = 200
_BEGIN = re.compile(
    rb'\s{0,200}\{\s{0,200}"(?:[^"\\]|\\.){1,200}"\s{0,200}:\s{0,200}'
    rb'(?:\{\s{0,200}"\d{1,12}"\s{0,200}:|\[)\s{0,200}(?:"|null|true|false|NaN|-?\d)'
)
_COUNTED = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.){1,200}"\s*:\s*\{\s*"0"\s*:[^{}\[\]]{1,2000}?,\s*"1"\s*:')
_SECOND_ARRAY = re.compile(
    rb'["\d]\s{0,200}\]\s{0,200},\s{0,200}"(?:[^"\\]|\\.){1,200}"\s{0,200}:\s{0,200}\['
)
_Cells = dict[str, object]


def may_be_columns(sample: bytes) -> bool:
    """Whether a text begins like columns; only the whole of it shows that."""
    return _BEGIN.match(sample) is not None


def _begins_columns(text: bytes) -> bool:
    """Whether a beginning shows columns: keys that count from 0, or a second array."""
    return _COUNTED.match(text) is not None or _SECOND_ARRAY.search(text) is not None


class JsonColumnsReader:
    """Blocks of rows, one per line, numbered as lines."""

    def __init__(self, otherwise: JsonRecordsReader, regions: Sequence[str]) -> None:
        """`otherwise`: reads a text that is too long, damaged, or has no columns."""
        self._otherwise = otherwise
        self._regions = regions

    @property
    def shape(self) -> LineShape:
        return self._otherwise.shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        broken = text.broken
        piece = text.take(TEXT_BYTES, overlap=False)
        whole = piece is not None and piece.last
        rows = _rows(piece.text) if piece is not None and whole else None
        if piece is None or rows is None:
            text.broken = broken  # counted again by the other reader
            yield from self._otherwise.blocks(text, after)
            if piece is not None and not whole and _begins_columns(piece.text):
                raise InputTooLarge(
                    f"the text is written column by column and longer than {TEXT_BYTES >> 20} MB, so its "
                    "values were compared one by one, without rows; write it row by row and match that"
                )
            return
        text.advance(piece)
        lines = (json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for row in rows)
        sample = list(islice(lines, _SAMPLE_RECORDS))
        shape = JsonShape(sample, self._regions)
        offset, line = 0, 1
        for block in _joined(sample, lines):
            if offset >= after:
                yield Block(block, line, offset, offset + len(block), shape)
            offset += len(block)
            line += block.count(b"\n")


def _joined(sample: Sequence[bytes], lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines in blocks."""
    block, size = list(sample), sum(map(len, sample))
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= BLOCK:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def _rows(text: bytes) -> Iterator[_Cells] | None:
    """Return the rows; None: these are no columns."""
    try:
        table = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(table, dict) or not 2 <= len(table) <= COLUMNS_LIMIT:
        return None
    columns = list(table.values())
    if all(isinstance(column, list) for column in columns):
        sizes = {len(column) for column in columns}
        keys: list[object] = list(range(sizes.pop())) if len(sizes) == 1 else []
    elif all(isinstance(column, dict) for column in columns):
        first = columns[0]
        same = all(column.keys() == first.keys() for column in columns)
        keys = list(first) if same and all(key.isdigit() for key in first) else []
    else:
        return None
    names = [name for name in table if not name.isdigit()]
    if len(keys) < 2 or len(names) < len(table) or not _are_flat(columns):
        return None
    return ({name: table[name][key] for name in names if table[name][key] is not None} for key in keys)


def _are_flat(columns: Sequence[object]) -> bool:
    """Whether no cell is an array or an object, in a sample."""
    for column in columns:
        cells = column.values() if isinstance(column, dict) else column if isinstance(column, list) else ()
        if any(isinstance(cell, dict | list) for cell in islice(cells, _SAMPLE_RECORDS)):
            return False
    return True
