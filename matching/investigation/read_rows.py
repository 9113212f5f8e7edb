"""Reads the rows of people a second time, with what is visible of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from matching.inputs import Limits, documents
from matching.investigation.subject import OpenSubject, shown_name
from matching.masked_samples.reading import ROWS_LIMIT, read_document
from matching.masked_samples.sample_rows import SampleRow


@dataclass(slots=True)
class ReadRows:
    """Rows of all documents, numbered through, each with its place: a masked name and a line."""

    rows: list[SampleRow] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    ambiguous: int = 0  # masked values that can be several things
    is_cut: bool = False  # there are more rows than are judged

    @property
    def masked(self) -> int:
        return sum(row.is_masked for row in self.rows)


def read_rows(opened: OpenSubject, limits: Limits, region: str) -> ReadRows:
    """Return the first ROWS_LIMIT rows. `region`: of telephone numbers without a country's code."""
    found = ReadRows()
    for name, source in opened.sources():
        for document in documents(name, source, limits, regions=[region]):
            left = ROWS_LIMIT - len(found.rows)
            if left <= 0:
                found.is_cut = True
                return found
            read = read_document(document, region=region, limit=left)
            found.rows += [replace(row, number=len(found.rows) + at) for at, row in enumerate(read.rows, 1)]
            found.places += [f"{shown_name(document.name)}:{row.line}" for row in read.rows]
            found.ambiguous += read.ambiguous
            found.is_cut = found.is_cut or bool(read.cut)
    return found
