"""Removes from text everything that a terminal would execute.

Crawled text may attack a terminal: an escape sequence can rename the window or hide a line, and a
right-to-left override can reverse a name.
"""

from __future__ import annotations

import unicodedata

# Categories that move the cursor, colour the text or reorder it: controls, formats (bidi overrides and
# isolates, zero-width characters), surrogates, private use, the line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str, *, lines: bool = False) -> str:
    """Return `text` without control characters; line breaks become spaces unless `lines`."""
    return "".join(_printable_character(character, lines) for character in text)


def _printable_character(character: str, lines: bool) -> str:
    if character in "\n\t\r":
        return "\n" if lines and character == "\n" else " "
    return "" if unicodedata.category(character) in _UNPRINTABLE else character
