"""HMAC-SHA256 of the values on a tape with hmac.c, eight or sixteen at a time."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from matching.native.library import LibraryMissing, load_library

SIZE = 16  # bytes: the first ones of each digest
KEY_SIZE = 32


@cache
def lanes() -> int:
    """Return how many messages are hashed side by side; 0 where the library or the processor cannot."""
    try:
        return int(load_library().hmac_lanes())
    except LibraryMissing:
        return 0


def hashed(
    key: bytes | bytearray,
    offsets: NDArray[np.int64],
    tape: NDArray[np.uint8],
    side_by_side: int,
    *,
    marks: NDArray[np.uint64] | None = None,
) -> NDArray[np.uint8]:
    """Return one row of SIZE bytes per message: message i is `tape[offsets[i]:offsets[i + 1]]`.

    `side_by_side`: `lanes()` or fewer; with fewer than eight, one message is hashed after the other. `marks`:
    those of the table in which the rows are looked up next, which are read into the processor meanwhile.
    """
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key has {len(key)} bytes; expected {KEY_SIZE}")
    out = np.empty((len(offsets) - 1, SIZE), dtype=np.uint8)
    secret = np.frombuffer(key, dtype=np.uint8)  # a view, so that no copy of the key stays in memory
    offsets, tape = np.ascontiguousarray(offsets), np.ascontiguousarray(tape)
    places = (secret.ctypes.data, offsets.ctypes.data, tape.ctypes.data)
    at, word_bits = (None, 0) if marks is None else (marks.ctypes.data, int(marks.size - 1).bit_length())
    load_library().hmac(side_by_side, *places, len(out), out.ctypes.data, at, word_bits)
    return out
