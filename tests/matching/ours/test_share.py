"""The share of rows that is ours, where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from matching.ours.share import likelihood_curve, share_of


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (5, 10), (10, 10), (20, 200)])
def test_rows_that_tell_for_sure_give_jeffreys_interval(hits: int, rows: int) -> None:
    """A row that either hits beyond chance or does not is a coin: the posterior is Beta(hits + 1/2, ...)."""
    drawn = np.random.default_rng(1).beta(hits + 0.5, rows - hits + 0.5, 200_000)

    share = share_of(np.array([1e9] * hits + [0.0] * (rows - hits)))

    expected = tuple(np.quantile(drawn, [0.05, 0.5, 0.95]).tolist())
    assert (share.low, share.middle, share.high) == pytest.approx(expected, abs=0.002)


def test_rows_that_say_nothing_leave_everything_possible() -> None:
    """A score of 1 is as likely of ours as of nobody's."""
    share = share_of(np.ones(50))

    assert (share.low, share.middle, share.high) == pytest.approx((0.006, 0.5, 0.994), abs=0.001)
    assert share.evidence == 0


def test_one_row_alone_decides_little() -> None:
    """However high its score, one row of ten is one row of ten."""
    moderate, extreme = (share_of(np.array([score, *[0.0] * 9])) for score in (1e3, 1e12))

    assert moderate.low == pytest.approx(extreme.low, abs=0.005)
    assert extreme.high < 0.4


def test_repeated_counts_rows_like_these() -> None:
    """Four times as many rows halve the interval."""
    scores = np.array([50.0] * 5 + [0.0] * 5)
    once, often = share_of(scores), share_of(scores, repeated=4)

    assert often == share_of(np.tile(scores, 4))
    assert (often.high - often.low) / (once.high - once.low) == pytest.approx(0.5, abs=0.05)


def test_the_curve_has_its_top_at_the_share() -> None:
    """Half of the rows hit beyond chance: the curve is highest at one half."""
    curve = dict(likelihood_curve(np.array([1e6] * 10 + [0.0] * 10)))

    assert curve[max(curve, key=curve.__getitem__)] == 0
    assert max(curve, key=curve.__getitem__) == pytest.approx(0.5, abs=0.01)
    assert curve[0] == -60
