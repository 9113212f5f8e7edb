"""A part of an answer is there, or says why not; it is never silently left out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class WhyMissing(StrEnum):
    """Why a part of the answer could not be given."""

    NO_SEGMENT = "no_segment"  # no customer of the company is enrolled
    SEGMENT_UNUSABLE = "segment_unusable"  # no key, another key, damaged
    NO_MASKS_ENROLLED = "no_masks_enrolled"  # the segment has no tags of masked values
    MASKS_OTHER = "masks_other"  # its tags were made by other rules or with another key
    NO_ROWS = "no_rows"  # no row of a person was read
    NO_MATCHES = "no_matches"  # no value is a customer's, so there is nothing to attribute
    NO_CANARIES = "no_canaries"  # no canary of the company is enrolled


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """A part of the answer that could not be given."""

    why: WhyMissing

    def as_dict(self) -> dict[str, Any]:
        return {"answered": False, "why": self.why.value}


def part_as_dict(part: Any) -> dict[str, Any]:  # noqa: ANN401  (every part has as_dict)
    """Return a part for JSON; `answered` says whether it is there."""
    return part.as_dict() if isinstance(part, NotAnswered) else {"answered": True, **part.as_dict()}
