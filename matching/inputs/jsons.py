r"""JSON: lines of records, or arrays and objects over any number of lines; each record becomes one line.

What is a record is decided by depth alone, so that nothing is built and damaged JSON is read as well: records
are split at the commas of the array that holds them, as deep as it lies (`{"RECORDS": [{...}, {...}]}`), or
of the object that has them behind their ids (`{"1001": {...}, "1002": {...}}`), and what is around it at its
own commas. How deep that is, a sample says (`json_levels`). Where several values stand one behind the other,
each is a record. A key before a record is its first cell.

Escapes are undone where there are any, so that identifiers are found: `@` is `@`. `\"` and `\\` stay, for
a line shall remain JSON; those of control characters become spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import COLUMNS_LIMIT, SAMPLE_CELLS, Column, columns_of, is_header
from matching.inputs.blocks import BLOCK, RECORD, Block, Row, newlines
from matching.inputs.json_levels import TOKEN
from matching.inputs.text import Text

_DEPTH_LIMIT = 64  # of a record whose cells are taken apart
_SAMPLE_RECORDS = 200
_MARKS = np.zeros(256, np.bool_)
_MARKS[list(b'"{}[],')] = True
_OPENS = np.zeros(256, np.bool_)
_OPENS[list(b'{["')] = True
_DELTA = np.zeros(256, np.int64)
_DELTA[list(b"{[")], _DELTA[list(b"}]")] = 1, -1
_SPACED = bytes.maketrans(b"\r\n", b"  ")
#: A key before a record, and the paths of the cells that it and a value without keys are.
_KEYED = re.compile(rb'\s*+"((?:[^"\\]++|\\.)*+)"\s*+:\s*+(?=\S)', re.DOTALL)
_KEY, _VALUE = "0", "1"


# --- escapes

_KEPT = re.compile(rb"\\u00(?:([01][0-9A-Fa-f]|7[Ff])|(22)|(5[Cc]))")


def unescaped(text: bytes) -> bytes:
    r"""The text with its escapes undone, but for `\"` and `\\`; its lines stay as they are."""
    if b"\\" not in text:
        return text
    text = text.replace(b"\\\\", b"\\\0")  # so that each other backslash begins an escape
    if b"\\u" in text:
        text = _without_code_points(_KEPT.sub(_kept, text))
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


def _kept(match: re.Match[bytes]) -> bytes:
    return b" " if match[1] else b'\\"' if match[2] else b"\\\0"


def _without_code_points(text: bytes) -> bytes:
    """`raw_unicode_escape` reads bytes as Latin-1, so what is beyond ASCII is written as escapes before."""
    if not text.isascii():
        text = text.decode("utf-8", "replace").encode("raw_unicode_escape")
    found = text.decode("raw_unicode_escape", "replace")
    try:
        return found.encode()
    except UnicodeEncodeError:  # halves of characters, which belong together
        return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


# --- records


class _State(NamedTuple):
    """Carried from piece to piece."""

    depth: int
    quoted: bool


class JsonLines:
    """Blocks of lines that are records already."""

    def __init__(self, shape: JsonShape) -> None:
        self.shape = shape

    def blocks(self, text: Text, after: int) -> Iterator[Block]:
        text.seek(after)
        while (piece := text.take(BLOCK)) is not None:
            end = text.advance(piece)
            plain = unescaped(piece.text)
            repeats = len(unescaped(piece.text[: piece.repeats]))
            own = len(unescaped(piece.text[: len(piece.text) - piece.held])) if piece.held else len(plain)
            yield Block(plain, piece.line, piece.position, end, self.shape, None, repeats, len(plain) - own)


class Records:
    """Blocks of records; `level` is the depth of what holds them, 0 where they stand free."""

    def __init__(self, shape: JsonShape, level: int) -> None:
        self.shape = shape
        self._level = level

    def blocks(self, text: Text, after: int) -> Iterator[Block]:
        rest, line, offset = b"", 1, 0
        state = _State(0, quoted=False)
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            found = _splits(piece.text, state, self._level)
            state = found.after
            whole = rest + piece.text
            cut = len(rest) + int(found.ends[-1]) if len(found.ends) else 0
            if piece.last or (not cut and len(whole) > RECORD):
                cut = len(whole)
            if cut:
                records, lines = _as_lines(whole[:cut], found, len(rest), line)
                if records and offset >= after:
                    yield Block(unescaped(records), lines[0], offset, end, self.shape, lines)
                offset = end
            line += newlines(memoryview(whole)[:cut])
            rest = whole[cut:]


class _Splits(NamedTuple):
    """Where a text comes apart."""

    ends: NDArray[np.int64]  # places behind records and behind what is around them
    empty: NDArray[np.int64]  # signs that hold nothing and may become line ends
    closing: NDArray[np.int64]  # the last signs of records
    after: _State


def _splits(text: bytes, state: _State, level: int) -> _Splits:
    seen = text.replace(b"\\\\", b"\0\0") if b"\\" in text else text
    data = np.frombuffer(seen, np.uint8)
    marks = np.flatnonzero(_MARKS[data])
    signs = data[marks]
    quotes = signs == 0x22
    if b"\\" in seen and len(marks):
        quotes &= (data[marks - 1] != 0x5C) | (marks == 0)
    inside = (np.cumsum(quotes) + state.quoted) & 1
    free = (inside == 0) & ~quotes
    marks, signs = marks[free], signs[free]
    deltas = _DELTA[signs]
    depths = np.cumsum(deltas) + state.depth  # behind each sign
    splits = (depths <= level) & ((signs == 0x2C) | (deltas != 0))
    quoted = bool(inside[-1]) if len(inside) else state.quoted
    after = _State(int(depths[-1]) if len(depths) else state.depth, quoted and not text.endswith(b"\n"))
    closing = (deltas == -1) & (depths == level)
    return _Splits(marks[splits] + 1, marks[splits & ~closing], marks[closing], after)


def _as_lines(text: bytes, found: _Splits, shift: int, line: int) -> tuple[bytes, list[int]]:
    """Records as lines, with the source's line that each begins on. `shift`: of the places in the text.

    What separates records becomes a line end, what was one a space: the text is written over and not built.
    """
    data = np.frombuffer(bytearray(text.translate(_SPACED)), np.uint8)
    room = len(text) - shift
    data[found.empty[found.empty < room] + shift] = 0x0A
    behind = found.closing[found.closing < room - 1] + shift + 1
    data[behind[data[behind] == 0x20]] = 0x0A
    glued = behind[_OPENS[data[behind]]]  # }{ has no room for a line end
    parts, starts = _bare_lines(np.insert(data, glued, 0x0A).tobytes() if len(glued) else data.tobytes())
    places = starts - np.searchsorted(glued + np.arange(len(glued)), starts) if len(glued) else starts
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 0x0A)
    return b"".join(parts), (np.searchsorted(ends, places) + line).tolist()


def _bare_lines(text: bytes) -> tuple[list[bytes], NDArray[np.int64]]:
    """The lines that hold more than signs, with their ends, and where each begins."""
    parts: list[bytes] = []
    starts: list[int] = []
    at = 0
    for part in text.split(b"\n"):
        bare = part.lstrip()
        if bare.strip(b"[]{}, \t"):
            starts.append(at + len(part) - len(bare))
            parts.append(bare + b"\n")
        at += len(part) + 1
    return parts, np.array(starts, np.int64)


def sample_records(sample: bytes, level: int) -> list[bytes]:
    """The records of a sample, without the last one, which may be cut."""
    found = _splits(sample, _State(0, quoted=False), level)
    text, _ = _as_lines(sample[: int(found.ends[-1]) if len(found.ends) else len(sample)], found, 0, 1)
    return unescaped(text).split(b"\n")[:_SAMPLE_RECORDS]


# --- cells


class JsonShape:
    """Columns are the paths of a sample's records (`customer.phone`), or the places in records that are
    arrays.
    """

    def __init__(self, lines: Sequence[bytes], regions: Sequence[str], *, keyed: bool = False) -> None:
        """`lines`: a sample of records; `keyed`: they may have a key before them."""
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
        """What the first of several arrays calls the columns; empty where it calls them nothing."""
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
            return {_KEY: _key(found[1]), **_cells_of(line[found.end() :])}
        return {_KEY: _key(found[1]), _VALUE: _scalar(line[found.end() :])}

    def _path_at(self, line: bytes, at: int) -> str:
        found = _KEYED.match(line) if self._keyed else None
        if found is None:
            return _path_at(line, at)
        if at < found.end():
            return _KEY
        inner = line.startswith((b"{", b"["), found.end())
        return _path_at(line[found.end() :], at - found.end()) if inner else _VALUE

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[Row]:
        paths = [self._paths[number - 1] if number <= len(self._paths) else None for number in columns]
        lines = block.text.split(b"\n")
        first = int(bool(self._header) and block.offset == 0)
        for index, line in enumerate(lines[first:], first):
            record = self._cells_of(line)
            found = tuple("" if path is None else record.get(path, "") for path in paths)
            if any(found):
                yield Row(index, found)


def _cells_of(line: bytes) -> Mapping[str, str]:
    """Path -> the first value there; empty where the line is no JSON."""
    try:
        record = json.loads(line.strip().rstrip(b","), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return {}
    cells: dict[str, str] = {}
    _flatten(record, (), cells, places=isinstance(record, list))
    return cells


def _flatten(value: object, path: tuple[str, ...], cells: dict[str, str], *, places: bool = False) -> None:
    """`places`: the elements of this list are columns."""
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
    """The path of the value, or of the key, that the byte `at` is in."""
    within: list[tuple[bool, str]] = []  # whether it is an array, and its key
    places = line.lstrip()[:1] == b"["
    key, place = "", 1
    for token in TOKEN.finditer(line):
        sign = token[0]
        if token.start() > at:
            break
        if token[2] is not None:
            key = _key(token[1])
        elif sign in b"{[":
            within.append((sign == b"[", key))
            key = ""
        elif sign in b"}]":
            key = within.pop()[1] if within else ""
        elif sign == b",":
            key = ""
            place += len(within) == 1 and within[0][0]
    first = str(place) if places and within else ""
    return ".".join(part for part in (first, *(name for _, name in within), key) if part)


def _scalar(written: bytes) -> str:
    written = written.strip().rstrip(b",").rstrip()
    return _key(written[1:-1]) if written[:1] == b'"' == written[-1:] else written.decode("utf-8", "replace")


def _key(written: bytes) -> str:
    try:
        return str(json.loads(b'"' + written + b'"'))
    except ValueError:
        return written.decode("utf-8", "replace")
