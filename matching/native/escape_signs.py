"""Finds the signs of escapes with escapes.c: most texts have none, and are read once to know it."""

import re

import numpy as np

from matching.native.library import LibraryMissing, load_library
from text.escapes import ALL_SIGNS, SPACED, Undone, undo

# A separator with blanks behind an area code; these begin with a literal, which `re` finds quickly.
_SPACED_SIGNS = (
    re.compile(rb" / (?<=[0-9)] / )(?<=[0-9][0-9)] / )[0-9]{2}"),
    re.compile(rb" - (?<=[0-9)] - )(?<=[0-9][0-9)] - )[0-9]{2}"),
    re.compile(rb" \xe2\x80\x93 (?<=[0-9)] \xe2\x80\x93 )[0-9]{2}"),
)


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
    return signs | (SPACED if any(sign.search(data) for sign in _SPACED_SIGNS) else 0)
