"""Where a JSON text comes apart into records, found in arrays of signs; each record becomes a line.

JSON that is cut and pasted, or that has one quote too many, has its depths and quotes wrong from there on,
and a text that does not come apart would be one row with everybody in it. So the depth never falls below the
outermost value, a comma there says that the records go on, and what is longer than `_LONG` is looked at again
by itself: at the level that its own beginning has, else, where it is no JSON, at any level and with its
quotes the other way around.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.inputs.formats.json_levels import level_of

_LONG = 1 << 11  # bytes of a record that may be several, if it is no JSON
_PEOPLE = 1 << 14  # bytes of a record that may be several, although it is JSON
_REPAIRS = 64  # places in a text from which on depths are put right
_CLOSED = 8  # records that have to show in one that is damaged
_ELEMENTS, _CHARS = 100, 100  # of an object or an array, and of a string, that show what a record is
_DEPTH_LIMIT = 64  # what lies deeper is not looked at
_LEVELS = 5  # at which they are looked for
_MARKS = np.zeros(256, np.bool_)
_MARKS[list(b'"{}[],')] = True
_OPENS = np.zeros(256, np.bool_)
_OPENS[list(b'{["')] = True
_DELTA = np.zeros(256, np.int64)
_DELTA[list(b"{[")], _DELTA[list(b"}]")] = 1, -1
_SPACED = bytes.maketrans(b"\r\n", b"  ")
_COMMA, _LINE_END = 0x2C, 0x0A


class SplitState(NamedTuple):
    """Carried from piece to piece."""

    depth: int
    quoted: bool


START = SplitState(0, quoted=False)


class Splits(NamedTuple):
    """Where a text comes apart."""

    ends: NDArray[np.int64]  # places behind records and behind what is around them
    empty: NDArray[np.int64]  # signs that hold nothing and may become line ends
    closing: NDArray[np.int64]  # the last signs of records
    after: SplitState


def splits(text: bytes, state: SplitState, level: int) -> Splits:
    """`level`: the depth of what holds the records, 0 where they stand free."""
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
    depths = _depths(signs, deltas, state.depth, level)
    apart = (depths <= level) & ((signs == _COMMA) | (deltas != 0))
    quoted = bool(inside[-1]) if len(inside) else state.quoted
    after = SplitState(int(depths[-1]) if len(depths) else state.depth, quoted and not text.endswith(b"\n"))
    closing = (deltas == -1) & (depths == level)
    return Splits(marks[apart] + 1, marks[apart & ~closing], marks[closing], after)


def _depths(
    signs: NDArray[np.uint8], deltas: NDArray[np.int64], before: int, level: int
) -> NDArray[np.int64]:
    """The depth behind each sign, `before` the first one; what cannot be is put right."""
    depths = np.cumsum(deltas) + before
    for _ in range(_REPAIRS):
        wrong = depths < 0
        if level:
            wrong |= (depths == 0) & (signs == _COMMA)
        if not len(wrong) or not wrong[first := int(np.argmax(wrong))]:
            break
        depths[first:] += -depths[first] if depths[first] < 0 else level
    return depths


def as_lines(
    text: bytes, found: Splits, shift: int, line: int, regions: Sequence[str]
) -> tuple[bytes, list[int]]:
    """Records as lines, with the source's line that each begins on. `shift`: of the places in the text.

    What separates records becomes a line end, what was one a space: the text is written over and not built.
    """
    data = np.frombuffer(bytearray(text.translate(_SPACED)), np.uint8)
    room = len(text) - shift
    data[found.empty[found.empty < room] + shift] = _LINE_END
    behind = found.closing[found.closing < room - 1] + shift + 1
    data[behind[data[behind] == 0x20]] = _LINE_END
    _take_apart(data, text, regions)
    glued = behind[_OPENS[data[behind]]]  # }{ has no room for a line end
    parts, starts = _bare_lines(np.insert(data, glued, _LINE_END).tobytes() if len(glued) else data.tobytes())
    places = starts - np.searchsorted(glued + np.arange(len(glued)), starts) if len(glued) else starts
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_END)
    return b"".join(parts), (np.searchsorted(ends, places) + line).tolist()


def _take_apart(data: NDArray[np.uint8], text: bytes, regions: Sequence[str]) -> None:
    """Write line ends into records that are several; `data` is the text with line ends between records."""
    starts = np.concatenate(([0], np.flatnonzero(data == _LINE_END) + 1))
    sizes = np.diff(starts, append=len(data))
    for at in np.flatnonzero(sizes > _LONG).tolist():
        start, end = int(starts[at]), int(starts[at] + sizes[at])
        end -= int(data[end - 1] == _LINE_END)
        if (found := _inner(text[start:end], regions)) is not None:
            data[found.empty + start] = _LINE_END
            behind = found.closing[found.closing < end - start - 1] + start + 1
            data[behind[data[behind] == 0x20]] = _LINE_END


def _inner(record: bytes, regions: Sequence[str]) -> Splits | None:
    """Where a long record comes apart, if it holds several."""
    if len(record) <= _PEOPLE and record.count(b"}") + record.count(b"]") < _CLOSED:
        return None
    if (value := _loaded(record)) is not None:
        return splits(record, START, _level_in(value, regions)) if len(record) > _PEOPLE else None
    own = level_of(record[:_PEOPLE], regions).depth
    for quoted in (False, True):
        for level in (own, *range(_LEVELS)):
            found = splits(record, SplitState(0, quoted), level)
            if len(found.closing) >= _CLOSED and _longest(found, len(record)) <= _LONG:
                deeper = _level_in(_loaded(_middle(record, found)), regions)
                return splits(record, SplitState(0, quoted), level + deeper) if deeper else found
    return splits(record, START, own)


def _middle(record: bytes, found: Splits) -> bytes:
    """One of the records, behind the damage perhaps."""
    at = int(found.closing[len(found.closing) // 2])
    before = found.ends[found.ends <= at]
    return record[int(before[-1]) if len(before) else 0 : at + 1]


def _level_in(value: object, regions: Sequence[str]) -> int:
    return level_of(json.dumps(_shortened(value)).encode(), regions).depth


def _loaded(record: bytes) -> object:
    """None: it is no JSON. A key before it is left away."""
    bare = record.strip().strip(b",")
    try:
        if bare.startswith(b'"'):
            (value,) = json.loads(b"{" + bare + b"}", parse_int=str).values()
        else:
            value = json.loads(bare, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return value


def _shortened(value: object, depth: int = 0) -> object:
    """Enough of a record to see what it holds."""
    if isinstance(value, dict | list) and depth > _DEPTH_LIMIT:
        return None
    if isinstance(value, dict):
        return {key: _shortened(inner, depth + 1) for key, inner in islice(value.items(), _ELEMENTS)}
    if isinstance(value, list):
        return [_shortened(inner, depth + 1) for inner in value[:_ELEMENTS]]
    return value[:_CHARS] if isinstance(value, str) else value


def _longest(found: Splits, size: int) -> int:
    return int(np.max(np.diff(found.ends, prepend=0, append=size)))


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


def sample_records(sample: bytes, level: int, regions: Sequence[str]) -> list[bytes]:
    """The records of a sample, without the last one, which may be cut; escapes stay."""
    found = splits(sample, START, level)
    end = int(found.ends[-1]) if len(found.ends) else len(sample)
    text, _ = as_lines(sample[:end], found, 0, 1, regions)
    return text.split(b"\n")
