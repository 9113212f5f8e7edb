"""Finds the signs of escapes with escapes.c: most texts have none, and are read once to know it."""

import re

import numpy as np

from matching.native.library import LibraryMissing, load_library
from text.escapes import ALL_SIGNS, BARE, Undone, undo

#: The one sign that the library does not know: it begins with a literal, which `re` finds quickly.
_BARE_SIGN = re.compile(rb"u00(?<![\\A-Za-z0-9]u00)[23aA][02367cCdDeE](?=[A-Za-z0-9])")


def undo_natively(text: str, *, addresses: bool = False) -> Undone | None:
    """Return what `undo` returns. Without the library it takes longer."""
    return undo(text, addresses=addresses, signs_of=_signs_of)


def _signs_of(text: str) -> int:
    return escape_signs(text.encode("utf-8", "replace"))


def escape_signs(data: bytes | memoryview) -> int:
    """Return the bits of the signs that a text in UTF-8 may have."""
    try:
        library = load_library()
    except LibraryMissing:
        return ALL_SIGNS
    signs: int = library.escape_signs(np.frombuffer(data, np.uint8).ctypes.data, len(data))
    return signs | (BARE if _BARE_SIGN.search(data) else 0)
