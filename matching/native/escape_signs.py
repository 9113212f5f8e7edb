"""Finds the signs of escapes with escapes.c: most texts have none, and are read once to know it."""

import numpy as np

from matching.native.library import LibraryMissing, load_library
from text.escapes import ALL_SIGNS, Undone, undo


def undo_natively(
    text: str, data: bytes | memoryview | None = None, *, addresses: bool = False
) -> Undone | None:
    """Return `undo` of a text; `data`: its UTF-8. Without the library it takes longer."""
    if data is None:
        data = text.encode("utf-8", "surrogatepass")
    signs = escape_signs(data)
    return undo(text, addresses=addresses, signs=signs) if signs else None


def escape_signs(data: bytes | memoryview) -> int:
    """Return the bits of the signs that a text may have."""
    try:
        library = load_library()
    except LibraryMissing:
        return ALL_SIGNS
    signs: int = library.escape_signs(np.frombuffer(data, np.uint8).ctypes.data, len(data))
    return signs
