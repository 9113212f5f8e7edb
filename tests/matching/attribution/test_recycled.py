"""How many matches were in an earlier breach, beside what any sample of the base would show."""

import numpy as np
import pytest

from matching.attribution.recycled import RecycledVerdict, recycled_share
from matching.attribution.tails import at_least, at_most, share_interval


def known(explained: int, matches: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.arange(matches) < explained


@pytest.mark.parametrize(
    ("explained", "matches", "covered", "verdict"),
    [
        (97, 100, 0.2, RecycledVerdict.RECYCLED),
        (97, 100, None, RecycledVerdict.RECYCLED),
        (60, 100, 0.2, RecycledVerdict.PARTLY_RECYCLED),
        (22, 100, 0.2, RecycledVerdict.AS_MANY_AS_ANY_SAMPLE),
        (97, 100, 0.95, RecycledVerdict.AS_MANY_AS_ANY_SAMPLE),
        (5, 100, 0.2, RecycledVerdict.AS_MANY_AS_ANY_SAMPLE),
        (0, 100, 0.2, RecycledVerdict.NOT_RECYCLED),
        (4, 4, 0.2, RecycledVerdict.TOO_FEW_MATCHES),
        (0, 0, 0.2, RecycledVerdict.TOO_FEW_MATCHES),
    ],
)
def test_what_known_breaches_explain(
    explained: int, matches: int, covered: float | None, verdict: RecycledVerdict
) -> None:
    """A breach that covers the base explains nothing by holding the sample; one that exceeds it does."""
    found = recycled_share({"shop-2019": known(explained, matches)}, matches, covered)

    assert (found.verdict, found.explained, found.unexplained) == (verdict, explained, matches - explained)


def test_matches_of_two_breaches_count_once() -> None:
    """Each breach has its own count; what both explain is explained once."""
    found = recycled_share({"b": known(50, 100), "a": known(30, 100)}, 100, 0.01)

    assert (found.explained, dict(found.by_breach)) == (50, {"a": 30, "b": 50})
    assert found.low < 0.5 < found.high
    assert "a 30, b 50" in found.sentence
    assert "50 were in none" in found.sentence


def test_without_known_breaches_that_is_said() -> None:
    """Nothing enrolled is not the same as nothing found."""
    found = recycled_share({}, 100)

    assert (found.verdict, found.as_dict()["explained"]) == (RecycledVerdict.NO_KNOWN_BREACH, 0)
    assert "is not known" in found.sentence


def test_the_bounds_hold_for_binomial_counts() -> None:
    """No tail is larger than its bound, in 30 settings and 20,000 draws of each."""
    random = np.random.default_rng(5)
    for of in (5, 20, 100, 1_000, 10_000):
        for share in (0.01, 0.03, 0.2, 0.5, 0.9, 0.99):
            draws = random.binomial(of, share, 20_000)
            for found in (0, of // 50, of // 5, of // 2, of):
                assert np.mean(draws <= found) <= at_most(found, of, share) + 0.02
                assert np.mean(draws >= found) <= at_least(found, of, share) + 0.02


def test_extreme_shares_are_no_errors() -> None:
    """Shares of 0 and 1 and no trials give bounds, and an interval from 0 to 1."""
    assert (at_most(0, 10, 1.0), at_least(10, 10, 0.0), at_most(3, 10, 0.0)) == (0.0, 0.0, 1.0)
    assert (at_most(0, 0, 0.5), at_least(0, 0, 0.5), share_interval(0, 0)) == (1.0, 1.0, (0.0, 1.0))
    assert at_most(0, 7, 0.31) == pytest.approx(0.69**7)
