"""Rows of SQL as they are written: what is between two parentheses, and what becomes of its escapes."""

from __future__ import annotations

import re

from matching.inputs.formats.sql_tables import ESCAPE, QuotingRules

_OTHERWISE = re.compile(rb"\)(?:\s++,?\s*+|,\s++)?\(")  # between two rows, but not `),(`
_CONTROLS = dict.fromkeys((b"n", b"r", b"t", b"b", b"f", b"v", b"0", b"Z", b"\n", b"\r"), b" ")


def is_one_row(text: bytes, strings: QuotingRules) -> bool:
    """Whether it is all between two parentheses, as far as can be seen at a glance."""
    seen = _unescaped(text) if strings.escapes and b"\\" in text else text
    return not (
        seen.count(b"'") & 1
        or seen.count(b'"') & 1
        or any(sign in seen for sign in (b"\n", b"\r", b"),(", b");"))
        or _OTHERWISE.search(seen)
    )


def _unescaped(text: bytes) -> bytes:
    """Without quotes that a backslash has made a sign like any other."""
    for escape in (b"\\\\", b"\\'", b'\\"'):
        text = text.replace(escape, b"__")
    return text


def _plainer(escape: re.Match[bytes]) -> bytes:
    return _CONTROLS.get(escape[1], escape[0])


def parts_of(text: bytes, between: bytes, strings: QuotingRules) -> list[bytes] | None:
    """The rows; None: `between` stands inside of a string, too, or rows are written in more than one way."""
    escaped = strings.escapes and b"\\" in text
    seen = _unescaped(text) if escaped else text
    if _OTHERWISE.search(seen) or (between != b"),(" and b"),(" in seen):
        return None
    signs = [sign for sign in (b"'", b'"') if sign in seen]
    parts = seen.split(between)
    if b"\n" in seen and any(b"\n" in part for part in parts):
        return None
    if any(part.count(sign) & 1 for sign in signs for part in parts):
        return None
    return without_controls(text.split(between)) if escaped else parts


def without_controls(rows: list[bytes]) -> list[bytes]:
    """Spaces for control characters and line ends that a backslash wrote; other escapes stay."""
    return [ESCAPE.sub(_plainer, row) if b"\\" in row else row for row in rows]


def uncopied(line: bytes) -> bytes:
    r"""`\\N` is an empty cell, other escapes are what they stand for, control characters spaces."""
    if b"\\" not in line:
        return line
    return ESCAPE.sub(lambda escape: b"" if escape[1] == b"N" else _CONTROLS.get(escape[1], escape[1]), line)
