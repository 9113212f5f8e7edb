"""Finds the signs of escapes with escapes.c: most texts have none, and are read once to know it."""

import numpy as np

from matching.native.library import LibraryMissing, load_library
from text.escapes import ALL_SIGNS, Undone, undo


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
    return signs
