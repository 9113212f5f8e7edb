"""Where a JSON text is divided into records, found in arrays of its signs. Each record becomes a line.

The depth of each sign is a running sum: +1 for an opening bracket, -1 for a closing one, signs inside of
strings left out. A text is divided at the commas and brackets whose depth is that of the records' collection
or less. No value is built, so numpy does the work, and damaged JSON is read as well.

JSON that was cut and pasted, or has one quote too many, has wrong depths or inverted quotes from there on. A
text that is no longer divided would be one row with everybody in it, so three rules limit the damage:

1. The depth never falls below that of the outermost value, and a comma there says that the records continue.
2. Inverted quotes end with the piece, if that ends at a line end: no string goes on over a line end.
3. A line longer than `_LONG_BYTES` is examined by itself: at the level of its own beginning, and where it is
   not JSON, at any level and with its quotes inverted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.inputs.formats.json_levels import record_level

_LONG_BYTES = 1 << 11  # a longer record that is not JSON may be several
_PEOPLE_BYTES = 1 << 14  # a longer record may be several although it is JSON
_REPAIRS_LIMIT = 64  # repairs of the depth per piece: each one costs a pass over the signs
_CLOSED_RECORDS = 8  # that must be found in a damaged record for a level to be taken as right
_SAMPLE_ELEMENTS, _SAMPLE_CHARACTERS = 100, 100  # of an object or array, and of a string, for its level
_DEPTH_LIMIT = 64  # deeper values are ignored
_LEVELS = 5  # levels at which a damaged record is tried
# Tables by byte: signs that structure the text, signs that begin a value, and the change of depth.
_IS_SIGN = np.zeros(256, np.bool_)
_IS_SIGN[list(b'"{}[],')] = True
_IS_OPENING = np.zeros(256, np.bool_)
_IS_OPENING[list(b'{["')] = True
_DEPTH_CHANGE = np.zeros(256, np.int64)
_DEPTH_CHANGE[list(b"{[")], _DEPTH_CHANGE[list(b"}]")] = 1, -1
_LINE_ENDS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
_COMMA, _LINE_END, _SPACE, _QUOTE, _BACKSLASH = 0x2C, 0x0A, 0x20, 0x22, 0x5C


class SplitState(NamedTuple):
    """Carried from piece to piece: the depth, and whether a string is open."""

    depth: int
    quoted: bool


START = SplitState(0, quoted=False)


class Splits(NamedTuple):
    """Where a text is divided."""

    ends: NDArray[np.int64]  # places behind records and behind the values around them
    empty: NDArray[np.int64]  # signs between records, which may be overwritten by line ends
    closing: NDArray[np.int64]  # the last signs of records
    after: SplitState


def find_splits(text: bytes, state: SplitState, level: int) -> Splits:
    """`level`: the depth of the records' collection; 0: the values at the top are the records."""
    # Without escaped backslashes, a quote is escaped exactly if a backslash stands before it.
    seen = text.replace(b"\\\\", b"\0\0") if b"\\" in text else text
    data = np.frombuffer(seen, np.uint8)
    places = np.flatnonzero(_IS_SIGN[data])
    signs = data[places]
    quotes = signs == _QUOTE
    if b"\\" in seen and len(places):
        quotes &= (data[places - 1] != _BACKSLASH) | (places == 0)
    # A sign is inside of a string where the number of quotes up to it is odd.
    inside = (np.cumsum(quotes) + state.quoted) & 1
    structural = (inside == 0) & ~quotes
    places, signs = places[structural], signs[structural]
    changes = _DEPTH_CHANGE[signs]
    depths = _depths(signs, changes, state.depth, level)
    divides = (depths <= level) & ((signs == _COMMA) | (changes != 0))
    closing = (changes == -1) & (depths == level)
    quoted = bool(inside[-1]) if len(inside) else state.quoted
    # Rule 2: JSON has no line end inside of a string, so an open string there is damage.
    quoted = quoted and not text.endswith(b"\n")
    after = SplitState(int(depths[-1]) if len(depths) else state.depth, quoted)
    return Splits(places[divides] + 1, places[divides & ~closing], places[closing], after)


def _depths(
    signs: NDArray[np.uint8], changes: NDArray[np.int64], before: int, level: int
) -> NDArray[np.int64]:
    """Return the depth behind each sign, with impossible ones repaired. `before`: the depth at the beginning.

    Impossible (rule 1) is a depth below 0, and a comma at depth 0 if the records lie deeper: the only value
    has ended. From the first such sign on, all depths are raised: to 0, or by `level` where a
    comma says that records go on. The damage shifted everything behind it.
    Without the limit, a text of closing brackets would cost time that grows with its square.
    """
    depths = np.cumsum(changes) + before
    for _ in range(_REPAIRS_LIMIT):
        wrong = depths < 0
        if level:
            wrong |= (depths == 0) & (signs == _COMMA)
        if not len(wrong) or not wrong[first := int(np.argmax(wrong))]:
            break
        depths[first:] += -depths[first] if depths[first] < 0 else level
    return depths


def records_as_lines(
    text: bytes, found: Splits, shift: int, line: int, regions: Sequence[str]
) -> tuple[bytes, list[int]]:
    """Return the records as lines, and the source's line on which each begins.

    `shift`: bytes of `text` before the piece to which the places in `found` refer. `line`: the source's line
    at the beginning of `text`.

    The text is overwritten in place instead of built from parts: its own line ends become spaces, and signs
    between records become line ends. So places stay valid, and it costs a fraction of the time.
    """
    data = np.frombuffer(bytearray(text.translate(_LINE_ENDS_TO_SPACES)), np.uint8)
    room = len(text) - shift
    data[found.empty[found.empty < room] + shift] = _LINE_END
    behind = found.closing[found.closing < room - 1] + shift + 1
    data[behind[data[behind] == _SPACE]] = _LINE_END
    _split_long_records(data, text, regions)
    # In `}{` there is no sign to overwrite: a line end is inserted, and places behind it are corrected.
    adjacent = behind[_IS_OPENING[data[behind]]]
    inserted = np.insert(data, adjacent, _LINE_END) if len(adjacent) else data
    parts, starts = _lines_with_content(inserted.tobytes())
    places = (
        starts - np.searchsorted(adjacent + np.arange(len(adjacent)), starts) if len(adjacent) else starts
    )
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _LINE_END)
    return b"".join(parts), (np.searchsorted(ends, places) + line).tolist()


def _split_long_records(data: NDArray[np.uint8], text: bytes, regions: Sequence[str]) -> None:
    """Write line ends into long records that are several (rule 3). `data`: the text, divided so far."""
    starts = np.concatenate(([0], np.flatnonzero(data == _LINE_END) + 1))
    sizes = np.diff(starts, append=len(data))
    for at in np.flatnonzero(sizes > _LONG_BYTES).tolist():
        start, end = int(starts[at]), int(starts[at] + sizes[at])
        end -= int(data[end - 1] == _LINE_END)
        if (found := _splits_of_long_record(text[start:end], regions)) is not None:
            data[found.empty + start] = _LINE_END
            behind = found.closing[found.closing < end - start - 1] + start + 1
            data[behind[data[behind] == _SPACE]] = _LINE_END


def _splits_of_long_record(record: bytes, regions: Sequence[str]) -> Splits | None:
    """Return where a long record is divided; None: it is one record.

    Whole JSON is trusted up to `_PEOPLE_BYTES`: a record may hold a thousand orders. Beyond that its own
    structure decides, since the sample at the beginning of the file may not have shown what follows.

    In anything else the damage may be a shifted depth or an inverted quote. The first combination at which
    many short records appear is right: with inverted quotes the structural signs are inside of strings, so
    hardly a record closes. What then comes out is checked once more, because it may be a level too high.
    """
    if len(record) <= _PEOPLE_BYTES and record.count(b"}") + record.count(b"]") < _CLOSED_RECORDS:
        return None
    if (value := _parsed_json(record)) is not None:
        return find_splits(record, START, _level_in(value, regions)) if len(record) > _PEOPLE_BYTES else None
    own = record_level(record[:_PEOPLE_BYTES], regions).depth
    for quoted in (False, True):
        for level in (own, *range(_LEVELS)):
            found = find_splits(record, SplitState(0, quoted), level)
            if len(found.closing) >= _CLOSED_RECORDS and _longest_part(found, len(record)) <= _LONG_BYTES:
                deeper = _level_in(_parsed_json(_middle_record(record, found)), regions)
                return find_splits(record, SplitState(0, quoted), level + deeper) if deeper else found
    return find_splits(record, START, own)


def _middle_record(record: bytes, found: Splits) -> bytes:
    """One of the records: the middle one, because the first ones may contain the damage."""
    at = int(found.closing[len(found.closing) // 2])
    before = found.ends[found.ends <= at]
    return record[int(before[-1]) if len(before) else 0 : at + 1]


def _level_in(value: object, regions: Sequence[str]) -> int:
    return record_level(json.dumps(_shortened(value)).encode(), regions).depth


def _parsed_json(record: bytes) -> object:
    """The value of a record, without a key before it; None: it is not JSON."""
    bare = record.strip().strip(b",")
    try:
        if bare.startswith(b'"'):
            (value,) = json.loads(b"{" + bare + b"}", parse_int=str).values()
        else:
            value = json.loads(bare, parse_int=str)  # as text: int() refuses long numbers
    except (ValueError, RecursionError):
        return None
    return value


def _shortened(value: object, depth: int = 0) -> object:
    """Enough of a record to see what it holds."""
    if isinstance(value, dict | list) and depth > _DEPTH_LIMIT:
        return None
    if isinstance(value, dict):
        return {key: _shortened(inner, depth + 1) for key, inner in islice(value.items(), _SAMPLE_ELEMENTS)}
    if isinstance(value, list):
        return [_shortened(inner, depth + 1) for inner in value[:_SAMPLE_ELEMENTS]]
    return value[:_SAMPLE_CHARACTERS] if isinstance(value, str) else value


def _longest_part(found: Splits, size: int) -> int:
    return int(np.max(np.diff(found.ends, prepend=0, append=size)))


def _lines_with_content(text: bytes) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return the lines that hold more than structural signs, with their line ends, and where each begins."""
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
    """Return the records of a sample, without the last one, which may be cut; escapes stay."""
    found = find_splits(sample, START, level)
    end = int(found.ends[-1]) if len(found.ends) else len(sample)
    text, _ = records_as_lines(sample[:end], found, 0, 1, regions)
    return text.split(b"\n")
