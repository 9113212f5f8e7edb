"""What an investigation found of one company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from matching.attribution.attribution import Attribution
from matching.investigation.full_matches import FullMatches
from matching.investigation.ours_part import OursPart
from matching.investigation.parts import NotAnswered, WhyMissing, part_as_dict
from matching.investigation.seen_canaries import SeenCanaries
from matching.ours import OursVerdict
from matching.watch import WatchedSegment

_NO_MASKS = (WhyMissing.NO_MASKS_ENROLLED, WhyMissing.MASKS_OTHER)
#: Verdicts after which something is found.
_FOUND = frozenset(
    (
        OursVerdict.OURS,
        OursVerdict.PARTLY_OURS,
        OursVerdict.SHARED_CLIENTS_ONLY,
        OursVerdict.PAIRING_BROKEN,
        OursVerdict.TESTS_DISAGREE,
    )
)


@dataclass(frozen=True, slots=True)
class SegmentUsed:
    """A segment that was compared, by which the answer can be repeated."""

    id: int  # its row in the database
    file: str  # the id that its header names
    series: str
    created_at: datetime
    customers: int
    counts: dict[str, int]  # enrolled values by field

    @classmethod
    def of(cls, watched: WatchedSegment) -> SegmentUsed:
        header = watched.segment.header
        return cls(
            watched.id,
            header.id,
            header.series,
            header.created_at,
            header.customers,
            {field.value: count for field, count in header.counts.items() if count},
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "segment": self.id,
            "id": self.file,
            "series": self.series,
            "created_at": self.created_at,
            "customers": self.customers,
            "counts": self.counts,
        }


@dataclass(frozen=True, slots=True)
class CompanyAnswer:
    """What was found of one company."""

    company: str
    name: str  # as its file declares it; the slug where it is not declared
    segments: tuple[SegmentUsed, ...]
    unusable: str | None  # reason of the error that keeps its fingerprints from being compared
    full: FullMatches
    ours: OursPart | NotAnswered
    attribution: Attribution | NotAnswered
    canaries: SeenCanaries | NotAnswered

    @property
    def found(self) -> bool:
        """Whether anything of the company was found."""
        return bool(self.full.hits or self.full.mentions or self.canary_count or self.verdict in _FOUND)

    @property
    def undecided(self) -> bool:
        """Whether "nothing was found" cannot be said of the company."""
        return self.unusable is not None or self.masked_rows_are_open

    @property
    def verdict(self) -> OursVerdict | None:
        """The verdict about the rows; None: there is none."""
        return None if isinstance(self.ours, NotAnswered) else self.ours.answer.verdict

    @property
    def masked_rows_are_open(self) -> bool:
        """Whether masked rows were judged, and too little is visible in them to say anything."""
        return (
            self.verdict is OursVerdict.TOO_LITTLE
            and isinstance(self.ours, OursPart)
            and self.ours.has_masked_rows
        )

    @property
    def rows_not_judged(self) -> bool:
        """Whether nothing is enrolled with which masked rows could be compared."""
        return isinstance(self.ours, NotAnswered) and self.ours.why in _NO_MASKS

    @property
    def rows_are_cut(self) -> bool:
        return isinstance(self.ours, OursPart) and self.ours.is_cut

    @property
    def canary_count(self) -> int:
        """Canaries that were found, and sets that masked rows are consistent with."""
        if isinstance(self.canaries, NotAnswered):
            return 0
        return self.canaries.canaries + len(self.canaries.masked)

    def as_dict(self) -> dict[str, Any]:
        return {
            "company": self.company,
            "name": self.name,
            "found": self.found,
            "segments": [one.as_dict() for one in self.segments],
            "unusable": self.unusable,
            "full": self.full.as_dict(),
            "ours": part_as_dict(self.ours),
            "attribution": part_as_dict(self.attribution),
            "canaries": part_as_dict(self.canaries),
        }
