"""How many hits chance alone would give: what a number of hits has to be measured against.

A number drawn at random is a customer's with the chance N / S, where N customers are enrolled and S numbers
are in use. Ten million random telephone numbers met a million customers 2,342 times, which is an S of 4.27e9.
Nobody draws an e-mail address, an IBAN or a wallet at random: two lists share them because they share people.

Whether hits are more than chance explains is asked in two ways, each of which is wrong once in a hundred
thousand times at most, so that thousands of questions have few wrong answers:

- of the numbers in use, by Chernoff's bound for a Poisson count (Mitzenmacher and Upfal, Probability and
  Computing, theorem 5.4): P(X >= h) <= exp(h - m - h log(h / m)), where m hits are expected;
- of a control (`controls`) with c hits of as many numbers, by the conditional test of two Poisson counts
  (Przyborowski and Wilenski, Biometrika 1940): of h + c hits each is as likely on either side; the tail by
  Hoeffding's bound (1963) for a binomial count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt

from matching.identifiers import Field
from matching.watch import WatchedSegment

#: Natural logarithm of one in a hundred thousand.
_SURE = -log(1e-5)
#: Of a normal distribution 95% are below so many standard deviations.
_WITHIN = 1.645
#: What was not seen once in n rows is in 3 / n of all of them at most, 95% sure ("rule of three": Hanley and
#: Lippman-Hand, JAMA 1983).
_UNSEEN = 3.0

#: Numbers that the values of a field are drawn from.
SPACES: Mapping[Field, float] = {
    Field.PHONE: 10_000_000 * 1_000_000 / 2_342,  # measured: mobile numbers of the Chinese mainland
    # 3,000 counties, 25,000 birth days of living adults, 1,000 serial numbers; the check digit follows.
    Field.RESIDENT_ID: 3_000 * 25_000 * 1_000.0,
    # Nine free digits within one issuer's prefix: as if all cards, there and here, were of one bank.
    Field.CARD: 1e9,
}


@dataclass(frozen=True, slots=True)
class Expected:
    """`hits` that chance would give, and how many times as many there are; `lift` None: chance gives none."""

    hits: float
    lift: float | None


def expected_by_chance(field: Field, *, hits: int, candidates: int, enrolled: int) -> Expected:
    """For so many candidates of a field against so many enrolled values of it."""
    by_chance = candidates * enrolled / SPACES[field] if field in SPACES else 0.0
    return Expected(by_chance, hits / by_chance if by_chance else None)


def enrolled_values(segments: Iterable[WatchedSegment], company: int, field: Field) -> int:
    """Values of a field in all segments of a company."""
    own = (one for one in segments if one.company_id == company)
    return sum(one.segment.header.counts.get(field, 0) for one in own)


def unexplained(hits: int, by_chance: float, control: int) -> bool:
    """Whether so many hits are more than both chance and the control explain; `control`: its hits."""
    return _more_than_expected(hits, by_chance) and (control == 0 or _more_than(hits, control))


def at_most(hits: int, by_chance: float, control: int) -> float:
    """How many hits more than chance's there may be where so many were seen, 95% sure."""
    explained = max(by_chance, control)
    return max(_UNSEEN, hits - explained + _WITHIN * sqrt(hits + explained))


def _more_than_expected(hits: int, by_chance: float) -> bool:
    if hits <= by_chance:
        return False
    return not by_chance or hits * log(hits / by_chance) - hits + by_chance > _SURE


def _more_than(hits: int, control: int) -> bool:
    """Of a control with at least one hit."""
    if hits <= control:
        return False
    both = hits + control
    return hits * log(2 * hits / both) + control * log(2 * control / both) > _SURE
