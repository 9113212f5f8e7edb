"""Texts without line ends: which character ends a record in them.

A row is a line. A line with everybody on it would be one row in which fields of different people agree. So
where a text has many addresses and hardly a line end, its records end with the character that divides it into
the fewest parts of which none holds more than a few addresses.
"""

from __future__ import annotations

import re

_SAMPLE_CHARACTERS = 1 << 16
_ENOUGH_LINES = 4  # a text with so many is divided by its line ends
_ENOUGH_ADDRESSES = 8  # fewer may be one person's
_PART_ADDRESSES = 3  # of one record at most
_XML = re.compile(rb"\s{0,200}<[?A-Za-z][^>]{0,2000}>\s{0,200}<")
_SIGNS = (b"\0", b"\x1e", b"\x1f", b"\x0b", b"\x0c", b"}", b"]", b")", b"|", b";", b">", b" ", b",")


def record_end(sample: bytes) -> bytes | None:
    """Return the character; None: the text has line ends, or no character divides it. `sample`: UTF-8."""
    if sample.count(b"\n") >= _ENOUGH_LINES or sample.count(b"@") < _ENOUGH_ADDRESSES:
        return None
    if _XML.match(sample) and _divides_people(sample, b">"):
        return b">"  # elements then say what a record is
    found = [
        (sample.count(sign), sign) for sign in _SIGNS if sign in sample and _divides_people(sample, sign)
    ]
    return min(found)[1] if found else None


def with_line_ends(text: str) -> str:
    """Return the text with line ends in place of the characters that end its records."""
    sample = text[:_SAMPLE_CHARACTERS].encode("utf-8", "surrogatepass")
    sign = record_end(sample)
    return text if sign is None else text.replace(sign.decode("ascii"), "\n")


def _divides_people(sample: bytes, sign: bytes) -> bool:
    return max(part.count(b"@") for part in sample.split(sign)) <= _PART_ADDRESSES
