"""Canaries in what is investigated: customers who do not exist; each set was given to one system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from matching.comparing.canary_sightings import CanarySighting, CanarySightings, set_of
from matching.fingerprints.segments import CanarySet
from matching.identifiers import Field
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.subject import shown_name
from matching.watch import WatchedSegment
from storage.canary_matches import CanaryRecord


@dataclass(frozen=True, slots=True)
class SeenCanarySet:
    """Canaries of one set that were found. `place`: of the first one; `ordinals`: in the segment.

    `certain`: canaries with a value that nobody else has, or with two fields in one row.
    """

    label: str  # of the system or partner
    issued: date
    expires: date | None
    canaries: int
    certain: int
    fields: tuple[Field, ...]
    place: str
    ordinals: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "issued": self.issued.isoformat(),
            "expires": self.expires and self.expires.isoformat(),
            "canaries": self.canaries,
            "certain": self.certain,
            "fields": [one.value for one in self.fields],
            "first_place": self.place,
            "ordinals": list(self.ordinals),
        }


@dataclass(frozen=True, slots=True)
class MaskedCanarySet:
    """A set with a canary that looks like a masked row. `by_chance`: such rows that chance alone gives."""

    label: str
    issued: date
    place: str
    by_chance: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "issued": self.issued.isoformat(),
            "first_place": self.place,
            "by_chance": self.by_chance,
        }


@dataclass(frozen=True, slots=True)
class SeenCanaries:
    """What was found of a company's canaries. `enrolled`: canaries that were compared.

    `masked`: sets that masked rows are consistent with; they are no proof.
    """

    enrolled: int
    sets: tuple[SeenCanarySet, ...]
    masked: tuple[MaskedCanarySet, ...] = ()

    @property
    def canaries(self) -> int:
        return sum(one.canaries for one in self.sets)

    @property
    def certain_sets(self) -> tuple[SeenCanarySet, ...]:
        return tuple(one for one in self.sets if one.certain)

    def as_dict(self) -> dict[str, Any]:
        return {
            "enrolled": self.enrolled,
            "canaries": self.canaries,
            "sets": [one.as_dict() for one in self.sets],
            "masked_sets": [one.as_dict() for one in self.masked],
        }


def seen_canaries(
    segments: Sequence[WatchedSegment],
    own: Sequence[WatchedSegment],
    found: CanarySightings,
    masked: Sequence[CanaryRecord] = (),
) -> SeenCanaries | NotAnswered:
    """Return the sets of which a canary was found, and those that masked rows are consistent with.

    `segments`: of the watch, in the order of the sightings; `own`: those of the company's canaries.
    """
    if not own:
        return NotAnswered(WhyMissing.NO_CANARIES)
    sets: dict[CanarySet, list[CanarySighting]] = defaultdict(list)
    for sighting in found:
        sets[set_of(segments[sighting.segment], sighting.ordinal)].append(sighting)
    seen = [_seen_set(one, sightings) for one, sightings in sets.items()]
    return SeenCanaries(
        enrolled=sum(one.segment.header.customers for one in own),
        sets=tuple(sorted(seen, key=lambda one: (-one.certain, -one.canaries, one.label))),
        masked=tuple(MaskedCanarySet(one.label, one.issued, one.place, one.chance or 0.0) for one in masked),
    )


def _seen_set(one: CanarySet, sightings: Sequence[CanarySighting]) -> SeenCanarySet:
    fields = {name for sighting in sightings for name in sighting.fields}
    first = max(sightings, key=lambda each: each.is_certain)
    return SeenCanarySet(
        label=one.label,
        issued=one.issued,
        expires=one.expires,
        canaries=len(sightings),
        certain=sum(each.is_certain for each in sightings),
        fields=tuple(each for each in Field if each in fields),
        place=f"{shown_name(first.label)}:{first.line}",
        ordinals=tuple(sorted(each.ordinal for each in sightings)),
    )
