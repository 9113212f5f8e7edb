"""Rows of SQL as they are written: the text between two parentheses, and its escapes."""

from __future__ import annotations

import re

from matching.inputs.formats.sql_tables import ESCAPE, QuotingRules

_UNUSUAL_BORDER = re.compile(rb"\)(?:\s++,?\s*+|,\s++)?\(")  # between two rows, but not `),(`
_CONTROLS = dict.fromkeys((b"n", b"r", b"t", b"b", b"f", b"v", b"0", b"Z", b"\n", b"\r"), b" ")


def is_one_row(text: bytes, quoting: QuotingRules) -> bool:
    """Whether all of it is between two parentheses, as far as a look at its signs shows."""
    seen = _without_escaped_quotes(text) if quoting.escapes and b"\\" in text else text
    return not (
        seen.count(b"'") & 1
        or seen.count(b'"') & 1
        or any(sign in seen for sign in (b"\n", b"\r", b"),(", b");"))
        or _UNUSUAL_BORDER.search(seen)
    )


def split_rows(text: bytes, between: bytes, quoting: QuotingRules) -> list[bytes] | None:
    """The rows; None where `between` stands inside of a string as well, or rows are separated in two ways.

    A string that holds `between` leaves a part with an odd number of quotes on either side of the cut.
    """
    escaped = quoting.escapes and b"\\" in text
    seen = _without_escaped_quotes(text) if escaped else text
    if _UNUSUAL_BORDER.search(seen) or (between != b"),(" and b"),(" in seen):
        return None
    quotes = [quote for quote in (b"'", b'"') if quote in seen]
    parts = seen.split(between)
    if b"\n" in seen and any(b"\n" in part for part in parts):
        return None
    if any(part.count(quote) & 1 for quote in quotes for part in parts):
        return None
    return without_controls(text.split(between)) if escaped else parts


def _without_escaped_quotes(text: bytes) -> bytes:
    """The text, as long as before, without quotes that a backslash makes ordinary characters."""
    for escape in (b"\\\\", b"\\'", b'\\"'):
        text = text.replace(escape, b"__")
    return text


def without_controls(rows: list[bytes]) -> list[bytes]:
    """Replace escapes of control characters and line ends by spaces; other escapes stay."""
    return [ESCAPE.sub(_without_control, row) if b"\\" in row else row for row in rows]


def _without_control(escape: re.Match[bytes]) -> bytes:
    return _CONTROLS.get(escape[1], escape[0])


def unescape_copied(line: bytes) -> bytes:
    r"""Undo the escapes of COPY: `\N` is an empty cell, control characters become spaces."""
    if b"\\" not in line:
        return line
    return ESCAPE.sub(lambda escape: b"" if escape[1] == b"N" else _CONTROLS.get(escape[1], escape[1]), line)
