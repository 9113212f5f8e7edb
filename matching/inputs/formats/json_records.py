r"""JSON: lines of records, or arrays and objects over any number of lines; each record becomes one line.

Depth alone decides what a record is, so no value is built and damaged JSON is read as well: the text is
divided at the commas of the array that holds the records (`{"RECORDS": [{...}, {...}]}`), or of the object
that has them behind their ids (`{"1001": {...}, "1002": {...}}`), and at the commas around it. A sample shows
how deep that is (`json_levels`). Where several values follow one another, each is a record. A key before a
record is its first cell.

Escapes are decoded, so that identifiers are found: `@` is `@`. `\"` and `\\` stay, because
a line stays JSON; those of control characters become spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from matching.inputs.formats import json_splits
from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block, CellRow, count_newlines
from matching.inputs.formats.columns import COLUMNS_LIMIT, SAMPLE_CELLS, Column, columns_of, is_header
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.json_levels import TOKEN
from matching.inputs.formats.json_splits import START, find_splits, records_as_lines

_DEPTH_LIMIT = 64  # deeper cells of a record are ignored
_SAMPLE_RECORDS = 200
#: A key before a record; the paths of its cell, and of a record that is a value without keys.
_KEYED = re.compile(rb'\s*+"((?:[^"\\]++|\\.)*+)"\s*+:\s*+(?=\S)', re.DOTALL)
_KEY, _VALUE = "0", "1"


# --- escapes

_KEPT_ESCAPE = re.compile(rb"\\u00(?:([01][0-9A-Fa-f]|7[Ff])|(22)|(5[Cc]))")


def unescape(text: bytes) -> bytes:
    r"""Decode the escapes of a text, except `\"` and `\\`; its lines stay as they are."""
    if b"\\" not in text:
        return text
    text = text.replace(b"\\\\", b"\\\0")  # so that every other backslash begins an escape
    if b"\\u" in text:
        text = _decode_code_points(_KEPT_ESCAPE.sub(_keep_escaped, text))
    for escape, plain in (
        (b"\\/", b"/"),
        (b"\\n", b" "),
        (b"\\r", b" "),
        (b"\\t", b" "),
        (b"\\b", b" "),
        (b"\\f", b" "),
    ):
        text = text.replace(escape, plain)
    return text.replace(b"\\\0", b"\\\\").replace(b"\0", b" ")


def _keep_escaped(match: re.Match[bytes]) -> bytes:
    return b" " if match[1] else b'\\"' if match[2] else b"\\\0"


def _decode_code_points(text: bytes) -> bytes:
    """Decode `\\uXXXX`.

    `raw_unicode_escape` reads bytes as Latin-1, so characters beyond ASCII are written as escapes first.
    """
    if not text.isascii():
        text = text.decode("utf-8", "replace").encode("raw_unicode_escape")
    found = text.decode("raw_unicode_escape", "replace")
    try:
        return found.encode()
    except UnicodeEncodeError:  # surrogates, two of which are one character
        return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


# --- records


class JsonLinesReader:
    """Blocks of lines that are records as they are."""

    def __init__(self, shape: JsonShape) -> None:
        self.shape = shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        while (piece := text.take(BLOCK)) is not None:
            end = text.advance(piece)
            plain = unescape(piece.text)
            repeats = len(unescape(piece.text[: piece.repeats]))
            own = len(unescape(piece.text[: len(piece.text) - piece.held])) if piece.held else len(plain)
            place = (piece.line, piece.position, end)
            held = len(plain) - own
            yield Block(plain, *place, self.shape, None, repeats, held, inside=piece.inside)


class JsonRecordsReader:
    """Blocks of records. `level`: the depth of their collection; 0: the values at the top are the records."""

    def __init__(self, shape: JsonShape, level: int, regions: Sequence[str]) -> None:
        self.shape = shape
        self._level = level
        self._regions = regions

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, line, offset = b"", 1, 0
        state = START
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            found = find_splits(piece.text, state, self._level)
            state = found.after
            whole = rest + piece.text
            cut = len(rest) + int(found.ends[-1]) if len(found.ends) else 0
            if piece.last or (not cut and len(whole) > RECORD_BYTES):
                cut = len(whole)
            if cut:
                records, lines = records_as_lines(whole[:cut], found, len(rest), line, self._regions)
                if records and offset >= after:
                    yield Block(unescape(records), lines[0], offset, end, self.shape, lines)
                offset = end
            line += count_newlines(memoryview(whole)[:cut])
            rest = whole[cut:]


def sample_records(sample: bytes, level: int, regions: Sequence[str]) -> list[bytes]:
    """Return the first records of a sample, without the last one, which may be cut."""
    lines = json_splits.sample_records(sample, level, regions)[:_SAMPLE_RECORDS]
    return unescape(b"\n".join(lines)).split(b"\n")


# --- cells


class JsonShape:
    """Columns are the paths in a sample's records (`customer.phone`), or the places in arrays."""

    def __init__(self, lines: Sequence[bytes], regions: Sequence[str], *, keyed: bool = False) -> None:
        """`lines`: a sample of records. `keyed`: they may have a key before them."""
        self._keyed = keyed
        records = [self._cells_of(line) for line in lines]
        self._paths = list(dict.fromkeys(path for record in records for path in record))[:COLUMNS_LIMIT]
        self._numbers = {path: number for number, path in enumerate(self._paths, 1)}
        self._records = records[:SAMPLE_CELLS]
        self._regions = regions

    @cached_property
    def columns(self) -> Sequence[Column]:
        names = self._header or ["" if path.isdigit() else path for path in self._paths]
        return columns_of(self._rows[bool(self._header) :], self._regions, names)

    @cached_property
    def _rows(self) -> list[list[str]]:
        return [[record.get(path, "") for path in self._paths] for record in self._records]

    @cached_property
    def _header(self) -> list[str]:
        """The names of columns, where records are arrays and the first one holds names; else empty."""
        first, *rest = self._rows or [[]]
        arrays = bool(rest) and not self._keyed and all(path.isdigit() for path in self._paths)
        return first if arrays and is_header(first, rest, self._regions) else []

    def where(self, line: bytes, at: int) -> Column | None:
        number = self._numbers.get(self._path_at(line, at))
        return self.columns[number - 1] if number else None

    def _cells_of(self, line: bytes) -> Mapping[str, str]:
        found = _KEYED.match(line) if self._keyed else None
        if found is None:
            return _cells_of(line)
        if line.startswith((b"{", b"["), found.end()):
            return {_KEY: _decode_string(found[1]), **_cells_of(line[found.end() :])}
        return {_KEY: _decode_string(found[1]), _VALUE: _scalar_text(line[found.end() :])}

    def _path_at(self, line: bytes, at: int) -> str:
        found = _KEYED.match(line) if self._keyed else None
        if found is None:
            return _path_at(line, at)
        if at < found.end():
            return _KEY
        inner = line.startswith((b"{", b"["), found.end())
        return _path_at(line[found.end() :], at - found.end()) if inner else _VALUE

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        paths = [self._paths[number - 1] if number <= len(self._paths) else None for number in columns]
        lines = block.text.split(b"\n")
        first = int(bool(self._header) and block.offset == 0)
        for index, line in enumerate(lines[first:], first):
            record = self._cells_of(line)
            found = tuple("" if path is None else record.get(path, "") for path in paths)
            if any(found):
                yield CellRow(index, found)


def _cells_of(line: bytes) -> Mapping[str, str]:
    """Map each path to its first value; empty where the line is not JSON."""
    try:
        record = json.loads(line.strip().rstrip(b","), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return {}
    cells: dict[str, str] = {}
    _flatten(record, (), cells, places=isinstance(record, list))
    return cells


def _flatten(value: object, path: tuple[str, ...], cells: dict[str, str], *, places: bool = False) -> None:
    """Add the values in `value` to `cells`. `places`: the elements of this list are columns."""
    if len(path) > _DEPTH_LIMIT:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, (*path, key), cells)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            _flatten(inner, (*path, str(number)) if places else path, cells)
    elif value is not None:
        cells.setdefault(".".join(path), str(value))


def _path_at(line: bytes, at: int) -> str:
    """Return the path of the value or key at the byte `at`."""
    within: list[tuple[bool, bytes]] = []  # whether it is an array, and its key as it is written
    places = line.lstrip()[:1] == b"["
    key, place = b"", 1
    for token in TOKEN.finditer(line):
        sign = token[0]
        if token.start() > at:
            break
        if token[2] is not None:
            key = token[1]
        elif sign in b"{[":
            within.append((sign == b"[", key))
            key = b""
        elif sign in b"}]":
            key = within.pop()[1] if within else b""
        elif sign == b",":
            key = b""
            place += len(within) == 1 and within[0][0]
    first = [str(place)] if places and within else []
    # Most keys before `at` are those of other values, so they are decoded last.
    return ".".join(
        [*first, *(_decode_string(name) for name in (*(name for _, name in within), key) if name)]
    )


def _scalar_text(written: bytes) -> str:
    written = written.strip().rstrip(b",").rstrip()
    return (
        _decode_string(written[1:-1])
        if written[:1] == b'"' == written[-1:]
        else written.decode("utf-8", "replace")
    )


def _decode_string(written: bytes) -> str:
    try:
        return str(json.loads(b'"' + written + b'"'))
    except ValueError:
        return written.decode("utf-8", "replace")
