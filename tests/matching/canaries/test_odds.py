"""The odds that a theft shows a canary are those of drawing without putting back."""

from math import comb

import pytest

from matching.canaries.odds import canaries_needed, odds_of_one, rows_for


@pytest.mark.parametrize(
    ("count", "rows", "of"),
    [
        (1, 1, 10),
        (5, 100, 1_000),
        (5, 20, 100),
        (100, 100, 100_000),
        (3, 98, 100),
        (30, 1_000_000, 10_000_000),
    ],
)
def test_odds_are_those_of_the_binomial_coefficients(count: int, rows: int, of: int) -> None:
    """1 - C(of - canaries, rows) / C(of, rows), computed with whole numbers where that is feasible."""
    if of > 100_000:
        exact = 1 - comb(of - rows, count) / comb(of, count)  # the same number, with smaller coefficients
    else:
        exact = 1 - comb(of - count, rows) / comb(of, rows)

    assert odds_of_one(count, rows, of) == pytest.approx(exact, rel=1e-9)


def test_certain_and_impossible_are_said_as_such() -> None:
    """A whole copy shows every canary; no canary and no row show none."""
    assert odds_of_one(1, 100, 100) == odds_of_one(5, 96, 100) == 1.0
    assert odds_of_one(0, 100, 100) == odds_of_one(5, 0, 100) == 0.0


@pytest.mark.parametrize(("rows", "of"), [(100, 100_000), (10_000, 1_000_000), (1, 50), (500, 500)])
def test_the_number_that_is_needed_is_enough(rows: int, of: int) -> None:
    """With that many canaries a theft of so many rows shows one 95 times in 100."""
    needed = min(canaries_needed(rows, of, 0.95), of)

    assert odds_of_one(needed, rows, of) >= 0.95


def test_the_number_of_rows_is_the_least() -> None:
    """One row less, and the odds are below."""
    rows = rows_for(20, 100_000, 0.95)

    assert odds_of_one(20, rows - 1, 100_000) < 0.95 <= odds_of_one(20, rows, 100_000)
