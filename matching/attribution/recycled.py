"""Recycled: how many of the matches were in an earlier breach that is known.

Most leaks that are offered as new are old. A known breach is enrolled as a segment of its own, and a match
whose customer is in it has another explanation. But a breach that covers half of the base holds half of any
sample of the base as well. So the share is set beside `covered`, the share of the base that the breaches
cover, and only what exceeds it counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.attribution.tails import at_least, share_interval

LEAST_MATCHES = 5
_MOSTLY = 0.9
_ERROR = 0.001

Known = NDArray[np.bool_]  # of each match


class RecycledVerdict(StrEnum):
    """What known breaches explain."""

    RECYCLED = "recycled"
    PARTLY_RECYCLED = "partly_recycled"
    AS_MANY_AS_ANY_SAMPLE = "as_many_as_any_sample"
    NOT_RECYCLED = "not_recycled"
    TOO_FEW_MATCHES = "too_few_matches"
    NO_KNOWN_BREACH = "no_known_breach"


@dataclass(frozen=True, slots=True)
class Recycled:
    """The answer. The interval is that of the share of matches which known breaches explain (90%)."""

    verdict: RecycledVerdict
    matches: int
    explained: int = 0  # matches that are in any known breach
    by_breach: Mapping[str, int] = field(default_factory=dict)
    covered: float | None = None  # share of the base that the breaches cover; None: not measured
    low: float = 0.0
    high: float = 1.0

    @property
    def unexplained(self) -> int:
        return self.matches - self.explained

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "matches": self.matches,
            "explained": self.explained,
            "unexplained": self.unexplained,
            "by_breach": dict(self.by_breach),
            "covered": self.covered,
            "share_low": self.low,
            "share_high": self.high,
            "sentence": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if self.verdict is RecycledVerdict.NO_KNOWN_BREACH:
            return "No known breach is enrolled, so whether the rows are from an earlier one is not known."
        if not self.matches:
            return "There are no matches to compare with known breaches."
        listed = ", ".join(f"{label} {count:,}" for label, count in self.by_breach.items() if count)
        said = (
            f"{self.explained:,} of {self.matches:,} matches were in a known breach"
            f"{f' ({listed})' if listed else ''}; {self.unexplained:,} were in none."
        )
        if self.covered is not None and self.explained:
            said += f" Any sample of the base has {self.covered:.1%} of its rows in them."
        if self.verdict is RecycledVerdict.TOO_FEW_MATCHES:
            said += f" That is too few to say more; {LEAST_MATCHES} are needed."
        return said


def recycled_share(known: Mapping[str, Known], matches: int, covered: float | None = None) -> Recycled:
    """Return what known breaches explain of the matches.

    `known`: for each breach's label, which of the distinct matches are in it. `covered`: the share of the
    base that the breaches cover together.
    """
    if not known:
        return Recycled(RecycledVerdict.NO_KNOWN_BREACH, matches)
    by_breach = {label: int(np.count_nonzero(which)) for label, which in sorted(known.items())}
    explained = int(np.count_nonzero(np.logical_or.reduce(list(known.values())))) if matches else 0
    low, high = share_interval(explained, matches)
    verdict = _verdict(explained, matches, covered)
    return Recycled(verdict, matches, explained, by_breach, covered, low, high)


def _verdict(explained: int, matches: int, covered: float | None) -> RecycledVerdict:
    if matches < LEAST_MATCHES:
        return RecycledVerdict.TOO_FEW_MATCHES
    if not explained:
        return RecycledVerdict.NOT_RECYCLED
    if covered is not None and at_least(explained, matches, min(1.0, covered)) > _ERROR:
        return RecycledVerdict.AS_MANY_AS_ANY_SAMPLE
    return RecycledVerdict.RECYCLED if explained >= _MOSTLY * matches else RecycledVerdict.PARTLY_RECYCLED
