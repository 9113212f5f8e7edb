"""How many hits chance alone gives, and whether more were found than chance explains.

A number drawn at random belongs to a customer with the probability N / S, where N customers are enrolled and
S numbers are in use. Ten million random telephone numbers met a million customers 2,342 times, which is an S
of 4.27e9. Nobody draws an e-mail address, an IBAN or a wallet at random: two lists share them because they
share people.

Two tests decide whether hits are more than chance explains. Each is wrong at most once in a hundred thousand
times, because a sweep tests thousands of companies, fields and blocks, and a few wrong answers among them
cost only time:

- against the numbers in use, by Chernoff's bound for a Poisson count (Mitzenmacher and Upfal, Probability and
  Computing, theorem 5.4): P(X >= h) <= exp(h - m - h log(h / m)), where m hits are expected;
- against a control (`controls`) with c hits of as many numbers, by the conditional test of two Poisson counts
  (Przyborowski and Wilenski, Biometrika 1940): each of h + c hits is as likely on either side; the tail by
  Hoeffding's bound (1963) for a binomial count.

Both are needed. The numbers in use are those of a whole country, so a dump of one town looks like a find to
the first test. The second one decides nothing where no neighbour hits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt

from matching.fingerprints.segments import SegmentPurpose
from matching.identifiers import Field
from matching.watch import WatchedSegment

#: Negative natural logarithm of one in a hundred thousand.
_LOG_CERTAINTY = -log(1e-5)
#: 95% of a normal distribution lie below so many standard deviations.
_DEVIATIONS_95 = 1.645
#: What was not seen once in n rows is in at most 3 / n of all of them, 95% sure ("rule of three": Hanley and
#: Lippman-Hand, JAMA 1983).
_RULE_OF_THREE = 3.0

#: How many numbers the values of a field are drawn from.
NUMBERS_IN_USE: Mapping[Field, float] = {
    Field.PHONE: 10_000_000 * 1_000_000 / 2_342,  # measured: mobile numbers of the Chinese mainland
    # 3,000 counties, 25,000 birth days of living adults, 1,000 serial numbers; the check digit follows.
    Field.RESIDENT_ID: 3_000 * 25_000 * 1_000.0,
    # Nine free digits within one issuer's prefix: as if all cards on both sides were of one bank.
    Field.CARD: 1e9,
    # 100 years of birth, 365 days, 10,000 serial numbers; the check digit follows. Some countries have more.
    Field.NATIONAL_ID: 100 * 365 * 10_000.0,
}


@dataclass(frozen=True, slots=True)
class ExpectedHits:
    """`hits` that chance gives, and the `lift` of those found; None where chance gives none."""

    hits: float
    lift: float | None


def expected_by_chance(
    field: Field,
    *,
    hits: int,
    candidates: int,
    enrolled: int,
    control_hits: int = 0,
    control_neighbours: int = 0,
) -> ExpectedHits:
    """Return what chance gives for so many candidates of a field and so many enrolled values of it.

    `control_hits` of `control_neighbours`: what a control found in a part of the candidates. The larger of
    the two answers counts.
    """
    by_chance = candidates * enrolled / NUMBERS_IN_USE[field] if field in NUMBERS_IN_USE else 0.0
    if control_neighbours:
        by_chance = max(by_chance, candidates * control_hits / control_neighbours)
    return ExpectedHits(by_chance, hits / by_chance if by_chance else None)


def enrolled_values(segments: Iterable[WatchedSegment], company: int, field: Field) -> int:
    """Return the number of values of a field that a company's customers have.

    Of a number that stands for a list of a known breach: that its people have.
    """
    own = [watched for watched in segments if watched.company_id == company]
    for purpose in (SegmentPurpose.CUSTOMERS, SegmentPurpose.KNOWN_BREACH):
        if of_purpose := [watched for watched in own if watched.purpose is purpose]:
            return sum(watched.segment.header.counts.get(field, 0) for watched in of_purpose)
    return 0


def exceeds_chance(hits: int, by_chance: float, control: int) -> bool:
    """Return whether the hits are more than both chance and the control explain; `control`: its hits."""
    return _exceeds_expected(hits, by_chance) and (control == 0 or _exceeds_control(hits, control))


def upper_bound(hits: int, by_chance: float, control: int) -> float:
    """Return how many hits, 95% sure, may be real at most where so many were found.

    A count of Poisson has its mean as its variance, so the difference of two has the sum of both.
    """
    explained = max(by_chance, control)
    return max(_RULE_OF_THREE, hits - explained + _DEVIATIONS_95 * sqrt(hits + explained))


def _exceeds_expected(hits: int, by_chance: float) -> bool:
    if hits <= by_chance:
        return False
    return not by_chance or hits * log(hits / by_chance) - hits + by_chance > _LOG_CERTAINTY


def _exceeds_control(hits: int, control: int) -> bool:
    """The same for a control, which must have at least one hit."""
    if hits <= control:
        return False
    both = hits + control
    return hits * log(2 * hits / both) + control * log(2 * control / both) > _LOG_CERTAINTY
