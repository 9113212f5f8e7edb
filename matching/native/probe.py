"""The native lookup (probe.c) for numpy's arrays, and the marks that save it most of its work.

probe.c explains both.
"""

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, byref, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.native.library import PATH, LibraryMissing, load_library


class Probe(NamedTuple):
    """The library's two functions."""

    search: Callable[..., int]
    mark: Callable[..., None]


@cache
def functions(path: Path = PATH) -> Probe:
    """Return the functions of the library at `path`. Raises LibraryMissing."""
    if sys.byteorder != "little":
        raise LibraryMissing(
            f"the lookup in {path} is for little-endian machines; this one is {sys.byteorder}-endian"
        )
    load_library(path)
    library = ctypes.CDLL(str(path))
    try:
        search, mark = library.sw_probe, library.sw_mark
    except AttributeError:
        raise LibraryMissing(f"{path} is too old to look fingerprints up. Install Spillwatch again") from None
    table = (c_void_p, c_uint64, c_void_p, c_uint32, c_void_p, c_uint32)
    search.restype = c_uint64
    search.argtypes = (
        *table, c_void_p, c_uint64, c_uint64, c_uint32, POINTER(c_uint64), c_void_p, c_void_p, c_uint64
    )  # fmt: skip
    mark.restype, mark.argtypes = None, (c_void_p, c_uint64, c_void_p, c_uint32)
    return Probe(search, mark)


_WORD = 8  # bytes
Marks = NDArray[np.uint64]


def marks_size(records: int) -> int:
    """Return the bytes of the marks of a table: a power of two, so that the last bits of a fingerprint are a
    place among them.
    """
    return max(_WORD, 1 << max(records - 1, 0).bit_length())


def marks_of(native: Probe, records: NDArray[np.void]) -> Marks:
    """Set three bits per record. A fingerprint whose three bits are not all set is in no record."""
    marks = np.zeros(marks_size(len(records)) // _WORD, np.uint64)
    native.mark(records.ctypes.data, len(records), marks.ctypes.data, _address_bits(marks))
    return marks


def _address_bits(marks: Marks) -> int:
    return int(marks.size - 1).bit_length()


def probe(
    native: Probe,
    records: NDArray[np.void],
    directory: NDArray[np.uint32],
    bits: int,
    marks: Marks | None,
    values: NDArray[np.uint8],
    shared: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return, for each hit, the number of its value and the ordinal. `values`: one fingerprint per row."""
    at, word_bits = (None, 0) if marks is None else (marks.ctypes.data, _address_bits(marks))
    if values.strides[1] != 1:
        values = np.ascontiguousarray(values)
    room = len(values) + shared
    found: list[tuple[NDArray[np.int64], NDArray[np.uint32]]] = []
    following = c_uint64(0)  # the first value that was not looked up yet
    while following.value < len(values):
        queries, ordinals = np.empty(room, np.int64), np.empty(room, np.uint32)
        hits = native.search(
            records.ctypes.data, len(records), directory.ctypes.data, bits, at, word_bits,
            values.ctypes.data, len(values), values.strides[0], shared,
            byref(following), queries.ctypes.data, ordinals.ctypes.data, room,
        )  # fmt: skip
        found.append((queries[:hits], ordinals[:hits]))
    return np.concatenate([queries for queries, _ in found]), np.concatenate([one for _, one in found])
