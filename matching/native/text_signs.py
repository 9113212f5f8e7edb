"""Says which signs a text has, with escapes.c in one pass: most texts have none, and cost no more."""

import re

import numpy as np
from numpy.typing import NDArray

from matching.native.library import LibraryMissing, load_library
from text.escapes import ALL_SIGNS

#: A mask may be there (`comparing.masked_values`), and a number that may be seconds since 1970.
MASKED, SECONDS = ALL_SIGNS + 1, 2 * (ALL_SIGNS + 1)
#: What these two are. The library gives the same answer.
PATTERNS = {
    MASKED: re.compile(rb"\*|[xX]{3}|\xe2\x80\xa2|\xe2\x97\x8f|\xef\xbc\x8a"),
    SECONDS: re.compile(rb"(?<![\w+])1\d{9}(?!\w)"),
}


def text_signs(data: bytes | memoryview) -> int:
    """Return the bits of MASKED, of SECONDS, and of the signs of escapes that a text in UTF-8 may have.

    Without the library it may have all signs of escapes.
    """
    try:
        library = load_library()
    except LibraryMissing:
        return ALL_SIGNS | sum(sign for sign, pattern in PATTERNS.items() if pattern.search(data))
    # ctypes passes the address of bytes as it is; an array's address takes 2 us to find out.
    text = data if isinstance(data, bytes) else np.frombuffer(data, np.uint8).ctypes.data
    signs: int = library.text_signs(text, len(data))
    return signs


_ROOM = 1 << 12  # places: a text with more of them is read again


def mask_runs(data: bytes) -> NDArray[np.int64]:
    """Return the places where a run of masks may begin. Raises LibraryMissing."""
    text, room = np.frombuffer(data, np.uint8), _ROOM
    while True:
        places = np.empty(room, np.int64)
        count = load_library().mask_runs(text.ctypes.data, len(data), places.ctypes.data, room)
        if count <= room:
            return places[:count]
        room = count
