"""The answer to "Is it ours?" for one sample: a verdict, and the figures that it rests on.

Nothing here holds a value of a customer or of the sample: rows have numbers, and masks have names.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from matching.ours.full_hits import RowBasis
from matching.ours.share import ShareInterval
from matching.ours.shuffle import ShuffleTest


class OursVerdict(StrEnum):
    """What a sample is, as far as its rows can tell."""

    OURS = "ours"
    PARTLY_OURS = "partly_ours"
    SHARED_CLIENTS_ONLY = "shared_clients_only"
    PAIRING_BROKEN = "pairing_broken"
    NOT_OURS = "not_ours"
    TOO_LITTLE = "too_little"
    TESTS_DISAGREE = "tests_disagree"


class Disagreement(StrEnum):
    """How the two tests disagree."""

    SCORES_WITHOUT_PAIRS = "scores_without_pairs"
    PAIRS_WITHOUT_SCORES = "pairs_without_scores"


class WeakestAssumption(StrEnum):
    """The assumption that a hostile reader of the answer would attack first."""

    BASE_COMPLETE = "base_complete"
    SHARED_CLIENTS_LIMIT = "shared_clients_limit"
    NULL_FITS = "null_fits"
    ROWS_INDEPENDENT = "rows_independent"
    SINGLE_FIELDS = "single_fields"
    COARSE_NULL = "coarse_null"
    ROWS_TYPICAL = "rows_typical"


@dataclass(frozen=True, slots=True)
class NonMemberBaseline:
    """How many of the usable rows hit, and how many would in the two clear cases."""

    observed: int
    non_members: float  # if all rows were of people who are not in the base
    members: float  # if all rows were copied from the base

    def as_dict(self) -> dict[str, float]:
        return {"observed": self.observed, "non_members": self.non_members, "members": self.members}


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """One distinct row."""

    number: int  # of its first place in the sample
    repeats: int  # rows of the sample that are this one
    basis: RowBasis
    template: str | None  # that it is judged by; None: no template shows enough of it
    count: int  # customers that look like it
    chance: float  # customers that a row of nobody's would meet under this template
    score: float  # how many times more often a row of ours looks like it than a row of nobody's

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "repeats": self.repeats,
            "basis": self.basis.value,
            "template": self.template,
            "count": self.count,
            "chance": self.chance,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class OursAnswer:
    """Whether a sample is ours, how much of it, and how sure that is."""

    verdict: OursVerdict
    rows: int
    distinct_rows: int
    usable_rows: int  # distinct rows of which enough is visible
    share: ShareInterval  # of the usable rows
    curve: tuple[tuple[float, float], ...]  # (share, log-likelihood; 0 at its highest)
    shuffle: ShuffleTest
    baseline: NonMemberBaseline
    weakest_assumption: WeakestAssumption
    more_rows: int | None  # distinct rows, like these, that would settle it; None: settled, or they would not
    disagreement: Disagreement | None
    single_fields: dict[str, ShareInterval]  # by attribute, where pairs were doubted: the share by it alone
    rejoined: ShareInterval | None  # where pairs were doubted: the share that fits with another row's part
    evidence: tuple[RowEvidence, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "rows": self.rows,
            "distinct_rows": self.distinct_rows,
            "usable_rows": self.usable_rows,
            "share": self.share.as_dict(),
            "curve": [list(point) for point in self.curve],
            "shuffle": self.shuffle.as_dict(),
            "baseline": self.baseline.as_dict(),
            "weakest_assumption": self.weakest_assumption.value,
            "more_rows": self.more_rows,
            "disagreement": self.disagreement and self.disagreement.value,
            "single_fields": {name: share.as_dict() for name, share in self.single_fields.items()},
            "rejoined": self.rejoined and self.rejoined.as_dict(),
            "evidence": [row.as_dict() for row in self.evidence],
        }
