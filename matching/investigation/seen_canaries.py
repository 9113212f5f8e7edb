"""Canaries in what is investigated: customers who do not exist; each set was given to one system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from matching.comparing.canary_sightings import set_of
from matching.comparing.findings import CompanyFindings
from matching.fingerprints.segments.parts import CanarySet
from matching.identifiers import Field
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.subject import shown_name
from matching.watch import Watch, WatchedSegment


@dataclass(frozen=True, slots=True)
class SeenCanarySet:
    """Canaries of one set that were found. `place`: of the first one; `ordinals`: in the segment."""

    label: str  # of the system or partner
    issued: date
    expires: date | None
    canaries: int  # distinct ones
    fields: tuple[Field, ...]
    place: str
    ordinals: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "issued": self.issued.isoformat(),
            "expires": self.expires and self.expires.isoformat(),
            "canaries": self.canaries,
            "fields": [one.value for one in self.fields],
            "first_place": self.place,
            "ordinals": list(self.ordinals),
        }


@dataclass(frozen=True, slots=True)
class SeenCanaries:
    """What was found of a company's canaries. `enrolled`: canaries that were compared."""

    enrolled: int
    sets: tuple[SeenCanarySet, ...]

    @property
    def canaries(self) -> int:
        return sum(one.canaries for one in self.sets)

    def as_dict(self) -> dict[str, Any]:
        return {
            "enrolled": self.enrolled,
            "canaries": self.canaries,
            "sets": [one.as_dict() for one in self.sets],
        }


@dataclass(slots=True)
class _SetHits:
    ordinals: set[int] = field(default_factory=set)
    fields: set[Field] = field(default_factory=set)
    place: str = ""


def seen_canaries(
    watch: Watch, segments: Sequence[WatchedSegment], found: CompanyFindings
) -> SeenCanaries | NotAnswered:
    """Return the sets of which a canary was seen for certain. `segments`: those of the company's canaries.

    A canary's telephone number alone, which others may have, is none (`comparing.canary_sightings`).
    """
    if not segments:
        return NotAnswered(WhyMissing.NO_CANARIES)
    hits: dict[CanarySet, _SetHits] = defaultdict(_SetHits)
    for seen in found.canaries:
        if seen.is_certain:
            one = hits[set_of(watch.segments[seen.segment], seen.ordinal)]
            one.place = one.place or f"{shown_name(seen.label)}:{seen.line}"
            one.ordinals.add(seen.ordinal)
            one.fields.update(seen.fields)
    ordered = sorted(hits.items(), key=lambda item: (-len(item[1].ordinals), item[0].label))
    return SeenCanaries(
        enrolled=sum(one.segment.header.customers for one in segments),
        sets=tuple(
            SeenCanarySet(
                label=one.label,
                issued=one.issued,
                expires=one.expires,
                canaries=len(seen.ordinals),
                fields=tuple(each for each in Field if each in seen.fields),
                place=seen.place,
                ordinals=tuple(sorted(seen.ordinals)),
            )
            for one, seen in ordered
        ),
    )
