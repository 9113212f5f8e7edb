"""Reads the rows of people a second time, with what is visible of each, and joins them to the hits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from matching.comparing.agreements import Pairs
from matching.comparing.lookup import FIELDS
from matching.identifiers import Field
from matching.inputs import Limits, documents
from matching.investigation.subject import OpenSubject
from matching.masked_samples.reading import ROWS_LIMIT, read_document
from matching.masked_samples.sample_rows import Attribute, SampleRow
from matching.ours import FullHit

#: Attributes whose whole values are looked up as fingerprints, by themselves.
_FIELD_OF = {
    Attribute.PHONE: Field.PHONE,
    Attribute.RESIDENT_ID: Field.RESIDENT_ID,
    Attribute.NATIONAL_ID: Field.NATIONAL_ID,
    Attribute.CARD: Field.CARD,
    Attribute.IBAN: Field.IBAN,
    Attribute.EMAIL: Field.EMAIL,
}
_BITS = {name: 1 << code for code, name in enumerate(FIELDS)}


@dataclass(slots=True)
class ReadRows:
    """Rows of all documents, numbered through, and the number of each row's document in the sweep."""

    rows: list[SampleRow] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    ambiguous: int = 0  # masked values that can be several things
    is_cut: bool = False  # there are more rows than are judged

    @property
    def masked(self) -> int:
        return sum(row.is_masked for row in self.rows)


def read_rows(opened: OpenSubject, limits: Limits, region: str) -> ReadRows:
    """Return the first ROWS_LIMIT rows. `region`: of telephone numbers without a country's code."""
    found, number = ReadRows(), 0
    for name, source in opened.sources():
        for document in documents(name, source, limits, regions=[region]):
            left = ROWS_LIMIT - len(found.rows)
            if left <= 0:
                found.is_cut = True
                return found
            read = read_document(document, region=region, limit=left)
            found.rows += [replace(row, number=len(found.rows) + at) for at, row in enumerate(read.rows, 1)]
            found.documents += [number] * len(read.rows)
            found.ambiguous += read.ambiguous
            found.is_cut = found.is_cut or bool(read.cut)
            number += 1
    return found


def full_hits(read: ReadRows, pairs: Pairs, enrolled: frozenset[Field]) -> Mapping[int, FullHit]:
    """Return what the whole values of each row say, by its number; rows without such values are left out.

    `pairs`: those with customers of the company. A hit belongs to the row that begins on its line, or on the
    last line before.
    """
    bits_of = _customers_of_rows(read, pairs)
    found: dict[int, FullHit] = {}
    for row in read.rows:
        fields = {_FIELD_OF[one.attribute] for one in row.values if _is_whole(one.attribute, one.is_masked)}
        looked_up = sum(_BITS[one] for one in fields & enrolled)
        if looked_up:
            agreed = [bits & looked_up for bits in bits_of.get(row.number, {}).values()]
            found[row.number] = FullHit(
                checked=looked_up.bit_count(),
                found=_joined(agreed).bit_count(),
                agreeing=max((bits.bit_count() for bits in agreed), default=0),
            )
    return found


def _is_whole(attribute: Attribute, is_masked: bool) -> bool:
    return attribute in _FIELD_OF and not is_masked


def _joined(bits: list[int]) -> int:
    joined = 0
    for one in bits:
        joined |= one
    return joined


def _customers_of_rows(read: ReadRows, pairs: Pairs) -> dict[int, dict[tuple[int, int], int]]:
    """Return for each row, by its number, the bits of the fields in which each customer agrees."""
    found: dict[int, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    documents_of_rows = np.array(read.documents, np.int64)
    lines = np.array([row.line for row in read.rows], np.int64)
    for number in np.unique(pairs["document"]).tolist():
        own = np.flatnonzero(documents_of_rows == number)
        own = own[np.argsort(lines[own], kind="stable")]
        hits = pairs[pairs["document"] == number]
        places = np.searchsorted(lines[own], hits["line"], side="right") - 1
        for place, hit in zip(places.tolist(), hits, strict=True):
            if place >= 0:
                row = read.rows[int(own[place])].number
                customer = (int(hit["segment"]), int(hit["ordinal"]))
                found[row][customer] |= int(hit["fields"])
    return found
