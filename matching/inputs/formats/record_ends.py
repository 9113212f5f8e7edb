"""Texts without line ends: which sign ends a record in them.

A row is a line, and a line with everybody on it would be a row in which fields of different people agree. So
where a text has many addresses and hardly a line end, its records end with the sign that makes the fewest
parts of which none holds more than a few addresses.
"""

from __future__ import annotations

_SAMPLE = 1 << 16  # characters
_LINES = 4  # as many lines are lines
_ADDRESSES = 8  # fewer may be one person's
_MOST = 3  # addresses of one part
_SIGNS = (b"\0", b"\x1e", b"\x1f", b"\x0b", b"\x0c", b"}", b"]", b")", b"|", b";", b">", b" ", b",")


def record_end(sample: bytes) -> bytes | None:
    """None: its lines end as lines do, or nothing in it ends more often. `sample`: UTF-8."""
    if sample.count(b"\n") >= _LINES or sample.count(b"@") < _ADDRESSES:
        return None
    found = [(sample.count(sign), sign) for sign in _SIGNS if sign in sample and _fits(sample, sign)]
    return min(found)[1] if found else None


def with_line_ends(text: str) -> str:
    """The same characters, but that there is a line end where a record ends."""
    sample = text[:_SAMPLE].encode("utf-8", "surrogatepass")
    sign = record_end(sample)
    return text if sign is None else text.replace(sign.decode("ascii"), "\n")


def _fits(sample: bytes, sign: bytes) -> bool:
    return max(part.count(b"@") for part in sample.split(sign)) <= _MOST
