"""Applies the specification, `identifiers.scan`, to a block of bytes."""

from collections.abc import Collection

import numpy as np

from matching.identifiers import COUNTRIES, Field, scan
from matching.scanning.candidates import CandidateBatch, Places


def by_specification(
    block: bytes, region: str, fields: Collection[Field], countries: Collection[str] = COUNTRIES
) -> dict[Field, CandidateBatch]:
    """Return the candidates of a block by field, with places in bytes.

    A byte that is not UTF-8 counts as a character that is in no identifier.
    """
    text = block.decode("utf-8", "surrogateescape")
    candidates = list(scan(text, region, fields, countries))
    found = {field: CandidateBatch.of(one for one in candidates if one.field is field) for field in fields}
    if len(text) == len(block):
        return found
    places = byte_places(text)
    return {field: batch.at(places) for field, batch in found.items()}


def byte_places(text: str) -> Places:
    """Return where each character of a text begins in its bytes, and where the last one ends."""
    try:
        data = np.frombuffer(text.encode(), np.uint8)
    except UnicodeEncodeError:
        return _places_with_surrogates(text)
    return np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))


def _places_with_surrogates(text: str) -> Places:
    """The same for a text in which a surrogate stands for a byte that was not UTF-8; twice as slow."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    sizes = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    sizes[(points >= 0xD800) & (points < 0xE000)] = 1  # a byte that was not UTF-8
    return np.concatenate(([0], np.cumsum(sizes)))
