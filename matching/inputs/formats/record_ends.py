"""Texts without line ends: which character ends a record in them.

A row is a line. A line with everybody on it would be one row in which fields of different people agree. So
where a text has many addresses and hardly a line end, its records end with the character that divides it into
the fewest parts of which none holds more than a few addresses. Two to seven addresses in one line may be
one person's; they are divided only where each has a number beside it, between the same characters.
"""

from __future__ import annotations

import re

_SAMPLE_CHARACTERS = 1 << 16
_ENOUGH_LINES = 4  # a text with so many is divided by its line ends
_ENOUGH_ADDRESSES = 8  # fewer may be one person's
_FEW_ADDRESSES = 2  # in one line, from which on the numbers beside them decide
_PART_ADDRESSES = 3  # of one record at most
_XML = re.compile(rb"\s{0,200}<[?A-Za-z][^>]{0,2000}>\s{0,200}<")
_NUMBER = re.compile(rb"\d[\d ()/.-]{5,30}\d")
_SIGNS_OF_FEW = (b"}", b"]", b")", b"|", b";", b",")
_SIGNS = (b"\0", b"\x1e", b"\x1f", b"\x0b", b"\x0c", b"}", b"]", b")", b"|", b";", b">", b" ", b",")


def record_end(sample: bytes) -> bytes | None:
    """Return the character; None: the text has line ends, or no character divides it. `sample`: UTF-8."""
    addresses = sample.count(b"@")
    if addresses < _FEW_ADDRESSES or sample.count(b"\n") >= _ENOUGH_LINES:
        return None
    if addresses < _ENOUGH_ADDRESSES:
        return _end_of_few(sample)
    if _XML.match(sample) and _divides_people(sample, b">"):
        return b">"  # elements then say what a record is
    found = [
        (sample.count(sign), sign) for sign in _SIGNS if sign in sample and _divides_people(sample, sign)
    ]
    return min(found)[1] if found else None


def _end_of_few(sample: bytes) -> bytes | None:
    """Return the character that divides few people, each with one address and one number."""
    if max(line.count(b"@") for line in sample.split(b"\n")) < _FEW_ADDRESSES:
        return None
    if _XML.match(sample):
        numbers = len(_NUMBER.findall(sample))
        return b">" if numbers >= sample.count(b"@") and _divides_people(sample, b">") else None
    found = [(sample.count(sign), sign) for sign in _SIGNS_OF_FEW if _divides_few(sample.split(sign))]
    return min(found)[1] if found else None


def _divides_few(parts: list[bytes]) -> bool:
    """Whether several parts have an address, one each and a number beside it."""
    people = [part for part in parts if b"@" in part]
    return len(people) >= _FEW_ADDRESSES and all(
        part.count(b"@") == 1 and _NUMBER.search(part) is not None for part in people
    )


def with_line_ends(text: str) -> str:
    """Return the text with line ends in place of the characters that end its records."""
    sample = text[:_SAMPLE_CHARACTERS].encode("utf-8", "surrogatepass")
    sign = record_end(sample)
    return text if sign is None else text.replace(sign.decode("ascii"), "\n")


def _divides_people(sample: bytes, sign: bytes) -> bool:
    return max(part.count(b"@") for part in sample.split(sign)) <= _PART_ADDRESSES
