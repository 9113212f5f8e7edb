"""When the matched customers enrolled, beside all customers: it dates the copy.

Customers who enrolled after a copy was made are not in it. So if every match enrolled before a day, and much
of the base is younger, the copy is probably from about that day: "every match enrolled before 2017-06-03;
31% of the base is younger". m customers picked at random from the whole base would all be from its older
part, a share w of it, with a chance of w^m. That is the error of the sentence, which is not said above
ERROR_LIMIT.

A few later matches contradict "every": hits by chance, or a copy that was topped up. Then the share is said
instead. The day is the one that fits best where STRAY of the matches come from anywhere, and the cohort in
which the copy was made is there in part.

Cohorts are buckets of about equal size, so a date is as exact as a bucket. Matches that are not spread over
the earlier cohorts as the base is are of a part of the customers, and that part may end at the day instead.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import ceil, exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.attribution.tails import at_most

ERROR_LIMIT = 0.01
STRAY = 0.03  # share of matches that may come from anywhere, as in `holders`
_LATE_LIMIT = 0.25  # late matches, as a part of those that the whole base would give: more is no copy's date
_UNEVEN_ERROR = 0.001
_RECENT = 0.05  # share of the base: a copy that has customers as young as these is not noticeably old
_PARTS = np.geomspace(0.005, 1.0, 24)  # of the last cohort that the copy may hold

Counts = NDArray[np.int64]


class CohortVerdict(StrEnum):
    """What the dates of enrolment say."""

    DATED = "dated"
    MOSTLY_DATED = "mostly_dated"
    LIKE_THE_BASE = "like_the_base"
    UNLIKE_THE_BASE = "unlike_the_base"
    TOO_FEW_MATCHES = "too_few_matches"
    NO_DATES = "no_dates"


@dataclass(frozen=True, slots=True)
class CohortCount:
    """A cohort: customers who enrolled from this day until the next cohort begins."""

    begins: date
    matched: int
    enrolled: int

    def as_dict(self) -> dict[str, Any]:
        return {"begins": self.begins.isoformat(), "matched": self.matched, "enrolled": self.enrolled}


@dataclass(frozen=True, slots=True)
class CohortDating:
    """The answer. Dates and shares are of the customers whose enrolment date is known."""

    verdict: CohortVerdict
    matches: int  # distinct customers with a date
    undated: int  # distinct customers without one
    before: date | None = None  # all matches but `later` enrolled before this day
    later: int = 0
    younger_share: float = 0.0  # of the base: enrolled on that day or after it
    error: float = 1.0  # chance, at most, that a random pick of the whole base looks so
    copied_after: date | None = None  # a customer of the cohort that begins on this day is in the copy
    copied_before: date | None = None  # 99% sure; None: no earlier than the enrolment
    evenly: bool = True  # matches are spread over the earlier cohorts as the base is
    more_matches: int | None = None  # that would settle it; None: settled, or no number would
    cohorts: tuple[CohortCount, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "matches": self.matches,
            "undated": self.undated,
            "before": self.before and self.before.isoformat(),
            "later": self.later,
            "younger_share": self.younger_share,
            "error": self.error,
            "copied_after": self.copied_after and self.copied_after.isoformat(),
            "copied_before": self.copied_before and self.copied_before.isoformat(),
            "evenly": self.evenly,
            "more_matches": self.more_matches,
            "cohorts": [cohort.as_dict() for cohort in self.cohorts],
            "sentence": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """The answer in words."""
        some = f"{self.matches:,} matches with an enrolment date"
        match self.verdict:
            case CohortVerdict.NO_DATES:
                return "The base was enrolled without dates, so matches cannot be dated."
            case CohortVerdict.TOO_FEW_MATCHES:
                more = (
                    "" if self.more_matches is None else f" About {self.more_matches:,} more would settle it."
                )
                return f"{some}: too few to date the copy.{more}"
            case CohortVerdict.LIKE_THE_BASE:
                return f"{some} are spread as the base is: the copy is not noticeably older than the base."
            case CohortVerdict.UNLIKE_THE_BASE:
                return (
                    f"{some} are not spread as the base is, and no single date explains it: they may be a "
                    f"part of the customers."
                )
        who = f"All {some} are"
        if self.later:
            who = f"{self.matches - self.later:,} of {some} ({1 - self.later / self.matches:.1%}) are"
        often = f"once in {1 / self.error:,.0f} times" if self.error > 1e-6 else "once in a million times"
        said = (
            f"{who} of customers who enrolled before {self.before}; {self.younger_share:.0%} of the base is "
            f"younger. By chance this happens at most {often}."
        )
        if not self.evenly:
            said += (
                " They are not spread over the earlier dates as the base is: it may be a part of the "
                "customers that ends there, and no old copy."
            )
        return said


def date_copy(matched: Counts, enrolled: Counts, begins: tuple[date, ...]) -> CohortDating:
    """Return what the cohorts of the matched customers say.

    `matched` and `enrolled`: distinct customers by cohort, of the matches and of the whole base; index 0
    counts those without a date. `begins`: the first enrolment date of each cohort from 1 on.
    """
    undated = int(matched[:1].sum())
    matched, enrolled = matched[1:], enrolled[1:]
    total, base = int(matched.sum()), int(enrolled.sum())
    counts = tuple(map(CohortCount, begins, matched.tolist(), enrolled.tolist()))
    if not base or len(begins) < 2:
        return CohortDating(CohortVerdict.NO_DATES, total, undated)
    if not total:
        return CohortDating(CohortVerdict.TOO_FEW_MATCHES, 0, undated, cohorts=counts)
    older = np.cumsum(enrolled) / base  # share of the base up to each cohort
    up_to = np.cumsum(matched)
    last = _last_cohort(matched, enrolled / base)
    late, younger = total - int(up_to[last]), 1.0 - float(older[last])
    tests = 1 if late == 0 else len(begins)  # with late matches, the day was chosen among all cohorts
    error = min(1.0, tests * at_most(late, total, younger))
    is_dated = last + 1 < len(begins) and error <= ERROR_LIMIT and late <= _LATE_LIMIT * total * younger
    if not is_dated:
        return _undated_answer(matched, older, undated, counts)
    return CohortDating(
        CohortVerdict.MOSTLY_DATED if late else CohortVerdict.DATED,
        total,
        undated,
        before=begins[last + 1],
        later=late,
        younger_share=younger,
        error=error,
        copied_after=begins[last],
        copied_before=_copied_before(last, up_to, older, begins, tests),
        evenly=_is_even(matched[: last + 1], older[: last + 1] / older[last]),
        cohorts=counts,
    )


def _last_cohort(matched: Counts, shares: NDArray[np.float64]) -> int:
    """Return the index of the last cohort that the copy holds, in whole or in part: the likeliest one."""
    total = matched.sum()
    up_to, before = np.cumsum(matched), np.cumsum(matched) - matched
    part = _PARTS[:, None]
    size = np.cumsum(shares) - shares + part * shares
    size = np.maximum(size, 1e-12)
    likelihood = (
        before * np.log((1 - STRAY) / size + STRAY)
        + matched * np.log((1 - STRAY) * part / size + STRAY)
        + (total - up_to) * log(STRAY)
    ).max(axis=0)
    return int(np.flatnonzero(likelihood >= likelihood.max() - 1e-9)[-1])


def _copied_before(
    last: int, up_to: Counts, older: NDArray[np.float64], begins: tuple[date, ...], tests: int
) -> date | None:
    """Return the first day before which the copy was made, ERROR_LIMIT: later, more of them would match."""
    for cohort in range(last + 1, len(begins) - 1):
        total, extra = int(up_to[cohort]), int(up_to[cohort] - up_to[last])
        share = 1 - float(older[last] / older[cohort])
        if tests * at_most(extra, total, share) <= ERROR_LIMIT:
            return begins[cohort + 1]
    return None


def _undated_answer(
    matched: Counts, older: NDArray[np.float64], undated: int, counts: tuple[CohortCount, ...]
) -> CohortDating:
    total = int(matched.sum())
    newest = int(np.flatnonzero(matched)[-1])
    settled = CohortVerdict.LIKE_THE_BASE if _is_even(matched, older) else CohortVerdict.UNLIKE_THE_BASE
    if settled is CohortVerdict.LIKE_THE_BASE and older[newest] < 1 - _RECENT:
        # All matches are from the older part of the base: that may be chance, or the copy's date.
        more = _matches_needed(float(older[newest])) - total
        if more > 0:
            return CohortDating(
                CohortVerdict.TOO_FEW_MATCHES, total, undated, more_matches=more, cohorts=counts
            )
    return CohortDating(
        settled, total, undated, evenly=settled is CohortVerdict.LIKE_THE_BASE, cohorts=counts
    )


def _matches_needed(older: float) -> int:
    """Return how many matches from the older part of the base alone would settle it."""
    return ceil(log(ERROR_LIMIT) / log(max(older, 1e-12)))


def _is_even(matched: Counts, expected: NDArray[np.float64]) -> bool:
    """Return whether counts fit a cumulative distribution, by the inequality of Dvoretzky, Kiefer and
    Wolfowitz (Massart, Annals of Probability 1990).
    """
    total = int(matched.sum())
    apart = float(np.abs(np.cumsum(matched) / total - expected).max())
    return 2 * exp(-2 * total * apart**2) > _UNEVEN_ERROR
