"""The native lookup (probe.c) for numpy's arrays."""

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, byref, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.native.library import PATH, LibraryMissing, load

Probe = Callable[..., int]


@cache
def function(path: Path = PATH) -> Probe:
    """`sw_probe` of the library; raises LibraryMissing."""
    if sys.byteorder != "little":
        raise LibraryMissing(f"{path} is for little-endian machines")
    load(path)
    try:
        found = ctypes.CDLL(str(path)).sw_probe
    except AttributeError:
        raise LibraryMissing(f"{path} was built before it could look up; install Spillwatch again") from None
    place = (c_void_p, c_uint64, c_void_p, c_uint32, c_void_p, c_uint64, c_uint64, c_uint32)
    found.restype = c_uint64
    found.argtypes = (*place, POINTER(c_uint64), c_void_p, c_void_p, c_uint64)
    return found


def probe(
    search: Probe,
    records: NDArray[np.void],
    directory: NDArray[np.uint32],
    bits: int,
    values: NDArray[np.uint8],
    shared: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """For each hit the number of its value and the ordinal. `values`: fingerprints, a row each."""
    if values.strides[1] != 1:
        values = np.ascontiguousarray(values)
    room = len(values) + shared
    found: list[tuple[NDArray[np.int64], NDArray[np.uint32]]] = []
    following = c_uint64(0)
    while following.value < len(values):
        queries, ordinals = np.empty(room, np.int64), np.empty(room, np.uint32)
        hits = search(
            records.ctypes.data, len(records), directory.ctypes.data, bits,
            values.ctypes.data, len(values), values.strides[0], shared,
            byref(following), queries.ctypes.data, ordinals.ctypes.data, room,
        )  # fmt: skip
        found.append((queries[:hits], ordinals[:hits]))
    return np.concatenate([queries for queries, _ in found]), np.concatenate([one for _, one in found])
