"""The table from figures to a verdict: each line, and what lies beside it."""

from __future__ import annotations

import numpy as np
import pytest

from matching.ours import Disagreement, OursVerdict, ShareInterval, ShuffleTest
from matching.ours.share import share_of
from matching.ours.verdict import Figures, decide, rows_to_settle

POSSIBLE = 10**9


def figures(
    share: tuple[float, float, float],
    p: float,
    *,
    evidence: float = 50,
    possible: int = POSSIBLE,
    whole: bool = False,
    broken: bool = False,
) -> Figures:
    return Figures(ShareInterval(*share, evidence), ShuffleTest(20, 10, 1.0, p, possible), whole, broken)


LINES = {
    "nearly all rows": (figures((0.8, 0.95, 1), 0.0005), OursVerdict.OURS),
    "a list that has aged": (figures((0.6, 0.75, 0.9), 0.0005), OursVerdict.OURS),
    "half of the rows": (figures((0.42, 0.5, 0.6), 0.0005), OursVerdict.PARTLY_OURS),
    "a fifth": (figures((0.16, 0.2, 0.3), 0.001), OursVerdict.PARTLY_OURS),
    "whole values alone": (figures((0.8, 0.9, 1), 1, possible=1, whole=True), OursVerdict.OURS),
    "pairs that are broken": (
        figures((0, 0.05, 0.2), 0.5, evidence=0, broken=True),
        OursVerdict.PAIRING_BROKEN,
    ),
    "few rows that all hit": (figures((0.6, 0.9, 1), 1 / 120, possible=120), OursVerdict.TOO_LITTLE),
    "pairs that are not sure": (figures((0.2, 0.4, 0.6), 0.01), OursVerdict.TOO_LITTLE),
    "no pairs at all": (figures((0.2, 0.4, 0.6), 0.3), OursVerdict.TESTS_DISAGREE),
    "pairs only": (figures((0, 0.02, 0.1), 0.001, evidence=1), OursVerdict.TESTS_DISAGREE),
    "shared clients": (figures((0.06, 0.1, 0.14), 0.0005), OursVerdict.SHARED_CLIENTS_ONLY),
    "shared, or a third of it": (figures((0.1, 0.2, 0.35), 0.005), OursVerdict.TOO_LITTLE),
    "nothing": (figures((0, 0.02, 0.1), 1, evidence=0), OursVerdict.NOT_OURS),
    "a hit by chance": (figures((0.01, 0.04, 0.1), 0.05, evidence=5), OursVerdict.NOT_OURS),
    "nothing in three rows": (figures((0, 0.1, 0.4), 1, evidence=0), OursVerdict.TOO_LITTLE),
}


@pytest.mark.parametrize("name", LINES)
def test_each_line_of_the_table(name: str) -> None:
    """The first line that fits gives the verdict."""
    found, expected = LINES[name]

    assert decide(found)[0] is expected


def test_the_tests_disagree_in_one_of_two_ways() -> None:
    """The answer says in which way the null does not fit the sample."""
    assert decide(LINES["no pairs at all"][0])[1] is Disagreement.SCORES_WITHOUT_PAIRS
    assert decide(LINES["pairs only"][0])[1] is Disagreement.PAIRS_WITHOUT_SCORES
    assert decide(LINES["nothing"][0])[1] is None


def settle(scores: list[float], p: float = 1.0, possible: int = POSSIBLE) -> int | None:
    return rows_to_settle(np.array(scores), ShuffleTest(len(scores), 0, 0.0, p, possible))


def test_more_rows_like_these_settle_it() -> None:
    """Three rows that hit need four more to be swapped; three that miss need a few more to be ruled out."""
    assert settle([100.0] * 3, 1 / 6, 6) == 4
    assert 1 <= (settle([0.0] * 3) or 0) <= 5


def test_p_falls_with_the_rows() -> None:
    """Ten hits of twenty rows with p = 0.01 need about half as many rows again."""
    scores = [100.0] * 10 + [0.0] * 10

    assert share_of(np.array(scores)).low > 0.15
    assert settle(scores, 0.01) == 12


def test_rows_that_say_nothing_never_settle_it() -> None:
    """A hundred times as many rows with a score of 1 would say nothing either."""
    assert settle([1.0] * 10) is None
    assert settle([]) is None
