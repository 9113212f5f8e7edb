"""An investigation: the whole answer about one sample, listing or alert, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from matching.inputs.outcomes import WHOLE
from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.subject import Subject

#: Documents that the answer names one by one: those that were not read whole first.
DOCUMENTS_LISTED = 200


class NotShown(StrEnum):
    """What an answer does not show. Every answer says all that apply to it."""

    WHO_TOOK_IT = "who_took_it"  # not who copied the data, nor how
    WHOLE_CLAIM = "whole_claim"  # not that the seller has more than was shown
    ONLY_ENROLLED = "only_enrolled"  # only customers who are enrolled can be found
    NOT_ALL_READ = "not_all_read"  # a part of the input was not read
    NOT_IN_EVIDENCE = "not_in_evidence"  # a text of the listing is no longer in the evidence
    NOT_ALL_ROWS_JUDGED = "not_all_rows_judged"  # only the first rows were judged one by one
    ROWS_NOT_JUDGED = "rows_not_judged"  # masked rows, and nothing to compare them with
    NOT_COMPARED = "not_compared"  # the company's fingerprints could not be compared
    RECORDS_DIVIDED = "records_divided"  # very long records count as several rows


@dataclass(frozen=True, slots=True)
class DocumentSeen:
    """How reading one document ended; names are masked."""

    name: str
    format: str
    charset: str
    outcome: str
    sentence: str
    bytes: int
    rows: int
    masked_rows: int

    @property
    def whole(self) -> bool:
        return self.outcome == WHOLE

    def as_dict(self) -> dict[str, Any]:
        return {
            "document": self.name,
            "format": self.format,
            "charset": self.charset,
            "outcome": self.outcome,
            "detail": self.sentence,
            "bytes": self.bytes,
            "rows": self.rows,
            "masked_rows": self.masked_rows,
        }


@dataclass(frozen=True, slots=True)
class InputRead:
    """What was read. `documents`: at most DOCUMENTS_LISTED, those that were not read whole first."""

    document_count: int
    whole_documents: int
    rows: int
    masked_rows: int
    candidates: int
    cut: tuple[str, ...]  # bounds that were met
    documents: tuple[DocumentSeen, ...]

    @property
    def whole(self) -> bool:
        return self.document_count == self.whole_documents

    def as_dict(self) -> dict[str, Any]:
        return {
            "document_count": self.document_count,
            "whole_documents": self.whole_documents,
            "rows": self.rows,
            "masked_rows": self.masked_rows,
            "candidates": self.candidates,
            "cut": list(self.cut),
            "documents": [one.as_dict() for one in self.documents],
        }


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What somebody else needs to get the same answer."""

    spillwatch: str  # version
    python: str
    numpy: str
    normalisers: dict[str, int]
    templates: int  # version of the mask templates
    command: str
    max_bytes: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "spillwatch": self.spillwatch,
            "python": self.python,
            "numpy": self.numpy,
            "normalisers": self.normalisers,
            "mask_templates": self.templates,
            "command": self.command,
            "max_bytes": self.max_bytes,
        }


@dataclass(frozen=True, slots=True)
class Investigation:
    """The whole answer. It holds counts, digests and masked excerpts, and nobody's value."""

    made_at: datetime
    subject: Subject
    reading: InputRead
    companies: tuple[CompanyAnswer, ...]
    reproduction: Reproduction

    @property
    def found(self) -> bool:
        return any(one.found for one in self.companies)

    @property
    def undecided(self) -> bool:
        """Whether "nothing was found" cannot be said of every company."""
        return any(self.undecided_about(one) for one in self.companies)

    def undecided_about(self, company: CompanyAnswer) -> bool:
        """Whether "nothing was found" cannot be said, because not everything could be read or compared."""
        unread = bool(self.subject.listing and self.subject.listing.unread)
        unjudged = bool(self.reading.masked_rows) and company.rows_not_judged
        return not self.reading.whole or unread or unjudged or company.undecided

    def not_shown(self, company: CompanyAnswer) -> tuple[NotShown, ...]:
        """Return what this answer does not show about a company."""
        listing = self.subject.listing
        applies = {
            NotShown.WHO_TOOK_IT: True,
            NotShown.WHOLE_CLAIM: True,
            NotShown.ONLY_ENROLLED: bool(company.segments),
            NotShown.NOT_ALL_READ: not self.reading.whole,
            NotShown.NOT_IN_EVIDENCE: bool(listing and listing.unread),
            NotShown.NOT_ALL_ROWS_JUDGED: company.rows_are_cut,
            NotShown.ROWS_NOT_JUDGED: bool(self.reading.masked_rows) and company.rows_not_judged,
            NotShown.NOT_COMPARED: company.unusable is not None or not company.segments,
            NotShown.RECORDS_DIVIDED: "records" in self.reading.cut,
        }
        return tuple(one for one in NotShown if applies[one])

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `spillwatch investigate`. Times are datetimes."""
        return {
            "made_at": self.made_at,
            "subject": self.subject.as_dict(),
            "reading": self.reading.as_dict(),
            "companies": [
                one.as_dict() | {"not_shown": [each.value for each in self.not_shown(one)]}
                for one in self.companies
            ],
            "reproduction": self.reproduction.as_dict(),
        }
