"""Undoes the escapes of a text whose signs the library has found: most texts have none."""

from matching.native.text_signs import text_signs
from text.escapes import ALL_SIGNS, Undone, undo


def undo_natively(text: str, *, addresses: bool = False) -> Undone | None:
    """Return what `undo` returns. Without the library it takes longer."""
    return undo(text, addresses=addresses, signs_of=_signs_of)


def _signs_of(text: str) -> int:
    return escape_signs(text.encode("utf-8", "replace"))


def escape_signs(data: bytes | memoryview) -> int:
    """Return the bits of the signs of escapes that a text in UTF-8 may have."""
    return text_signs(data) & ALL_SIGNS
