"""Finds what is to be masked with masks.c. `matching.masks` is the specification.

The library reads one byte per character of the narrowed text: ASCII as it is, everything else as a class
(masks.h).
"""

import ctypes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.native import rule_tables
from matching.native.library import Library, LibraryMissing, Rules, load_library
from text.folding import DROP, narrow_fold

_LIMIT = 1 << 29  # characters: places are 32 bits wide in the library
_OTHER_SIGN, _LETTER, _DIGIT, _SPACE, _OPENED, _CLOSED = range(0x80, 0x86)  # as in masks.h
_UNKNOWN, _DROPPED = 0xFE, 0xFF  # a character that no text had until now; one that the fold drops
_MOST_IDLE = 4  # searches that are kept for the next text
_IDLE: list[int] = []


class MaskKind(IntEnum):
    """What is masked; as in spillwatch.h."""

    EMAIL = 0
    NUMBER = 1
    PASSWORD = 2
    LABELLED_NUMBER = 3
    IBAN = 4
    WALLET = 5
    TRAVEL_DOCUMENT = 6
    LICENCE = 7
    NATIONAL_ID = 8
    SPELT_ADDRESS = 9


class PlacesToMask(NamedTuple):
    """Places in the narrowed text, in order. Only numbers have masks."""

    spans: list[tuple[int, int]]
    masks: list[str]


_NONE = PlacesToMask([], [])


def places_to_mask(text: str, kinds: Iterable[MaskKind]) -> dict[MaskKind, PlacesToMask]:
    """Return where a text has something to mask, by kind. Raises LibraryMissing."""
    library = load_library()
    if len(text) > _LIMIT:
        raise LibraryMissing("the text is too long for the library")
    classes = np.frombuffer(text.encode("ascii"), np.uint8) if text.isascii() else _classes(text)
    with _search(library) as search:
        found = library.mask(search, classes.ctypes.data, len(classes), sum(1 << kind for kind in kinds))
        if found < 0:
            raise MemoryError
        return {kind: _copied_places(library, search, kind) for kind in MaskKind if found >> kind & 1}


def _copied_places(library: Library, search: int, kind: MaskKind) -> PlacesToMask:
    if kind is MaskKind.SPELT_ADDRESS:
        return _NONE
    count, length = library.count(search, kind), library.tape_length(search, kind)
    places = np.empty(3 * count + 1, dtype=np.int64)  # starts, ends, offsets
    tape = np.empty(length, dtype=np.uint8)
    begin = places.ctypes.data
    library.take(search, kind, begin, begin + 8 * count, begin + 16 * count, tape.ctypes.data)
    numbers = places.tolist()
    spans = list(zip(numbers[:count], numbers[count : 2 * count], strict=True))
    if not length:
        return PlacesToMask(spans, [])
    written, offsets = tape.tobytes().decode("ascii"), numbers[2 * count :]
    return PlacesToMask(spans, [written[offsets[at] : offsets[at + 1]] for at in range(count)])


@contextmanager
def _search(library: Library) -> Iterator[int]:
    """Yield a search of the library that nobody else uses: a signal's handler may mask a line of the log."""
    try:
        search = _IDLE.pop()
    except IndexError:
        search = library.new(ctypes.byref(_rules()))
        if not search:
            raise MemoryError from None
    try:
        yield search
    finally:
        if len(_IDLE) < _MOST_IDLE:
            _IDLE.append(search)
        else:
            library.free(search)


def _rules() -> Rules:
    with rule_tables.MAKING_TABLES:
        return _tables()


@cache
def _tables() -> Rules:
    return Rules(
        provinces=rule_tables.provinces().ctypes.data,
        issuers=rule_tables.issuers().ctypes.data,
        ibans=rule_tables.ibans().ctypes.data,
    )


def _classes(text: str) -> NDArray[np.uint8]:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
    table = _class_table()
    classes: NDArray[np.uint8] = table.take(points)
    highest = int(classes.max())
    if highest < _UNKNOWN:
        return classes
    unknown = classes == _UNKNOWN
    if unknown.any():
        for point in set(points[unknown].tolist()):
            table[point] = _class_of(chr(point))
        classes = table.take(points)
    kept = classes != _DROPPED
    return classes if bool(kept.all()) else classes[kept]


@cache
def _class_table() -> NDArray[np.uint8]:
    """Return the classes of all code points; those of most are found out when a text has them."""
    narrow = narrow_fold().table
    table = np.full(len(narrow), _UNKNOWN, np.uint8)
    table[narrow < _OTHER_SIGN] = narrow[narrow < _OTHER_SIGN]
    table[narrow == DROP] = _DROPPED
    return table


def _class_of(character: str) -> int:
    if character in "【】":
        return _OPENED if character == "【" else _CLOSED
    if character.isspace():
        return _SPACE
    if character.isdecimal():
        return _DIGIT
    return _LETTER if character.isalnum() else _OTHER_SIGN
