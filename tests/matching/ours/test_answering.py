"""The answer to "Is it ours?": verdict and figures, on simulated bases. All people are invented."""

from __future__ import annotations

import json

import pytest

from benchmarks.ours_bases import People, SimulatedBase, sample_rows
from matching.ours import FullHit, OursVerdict, RowBasis, WeakestAssumption, answer_for
from tests.matching.ours.people import customers, strangers, town_base


@pytest.fixture(scope="module")
def base() -> SimulatedBase:
    return town_base()


def test_ten_customers_are_ours(base: SimulatedBase) -> None:
    """Ten masked rows of customers: both tests agree, and the interval says that nearly all rows are ours."""
    answer = answer_for(sample_rows(customers(10)), base)

    assert answer.verdict is OursVerdict.OURS
    assert (answer.rows, answer.distinct_rows, answer.usable_rows) == (10, 10, 10)
    assert answer.share.low > 0.7
    assert answer.share.high > 0.99
    assert (answer.shuffle.as_offered, answer.shuffle.p) == (10, 1 / 2_000)
    assert answer.shuffle.shuffled_mean < 2
    assert (answer.baseline.observed, answer.baseline.members) == (10, 10)
    assert answer.baseline.non_members < 1
    assert answer.weakest_assumption is WeakestAssumption.ROWS_TYPICAL
    assert (answer.more_rows, answer.disagreement) == (None, None)


def test_strangers_are_not_ours(base: SimulatedBase) -> None:
    """Twenty strangers from the same regions, with the same names and numbers."""
    answer = answer_for(sample_rows(strangers(20)), base)

    assert answer.verdict is OursVerdict.NOT_OURS
    assert answer.share.high < 0.3
    assert answer.weakest_assumption is WeakestAssumption.BASE_COMPLETE


def test_the_answer_is_plain_data(base: SimulatedBase) -> None:
    """`--json` shows all of it, and no value: neither a family name nor the digits that a mask left."""
    rows = sample_rows(customers(10))
    shown = json.dumps(answer_for(rows, base).as_dict())

    answered = json.loads(shown)
    assert answered["verdict"] == "ours"
    assert {"low", "middle", "high", "evidence"} == answered["share"].keys()
    assert [row["number"] for row in answered["evidence"]] == list(range(1, 11))
    assert shown.isascii()


def test_an_answer_can_be_repeated_in_any_order(base: SimulatedBase) -> None:
    """Its draws are seeded by the rows, not by their order or the clock."""
    rows = sample_rows(People.together(customers(9), strangers(20)))

    first, second = answer_for(rows, base), answer_for(rows[::-1], base)

    assert first.shuffle == second.shuffle
    assert first.share.middle == pytest.approx(second.share.middle)


def test_five_rows_are_too_little(base: SimulatedBase) -> None:
    """5 rows have 120 arrangements, so p cannot reach 0.001; two rows more would do."""
    answer = answer_for(sample_rows(customers(5)), base)

    assert (answer.verdict, answer.more_rows) == (OursVerdict.TOO_LITTLE, 2)
    assert answer.shuffle.possible <= 120


def test_no_row_is_too_little(base: SimulatedBase) -> None:
    """Without a row, or where rows show nothing, there is no answer, and more such rows give none."""
    for rows in ([], sample_rows(customers(30), "n")):
        answer = answer_for(rows, base)

        assert (answer.verdict, answer.usable_rows, answer.more_rows) == (OursVerdict.TOO_LITTLE, 0, None)
        assert answer.shuffle.p == 1
        assert answer.share.middle == pytest.approx(0.5)


def test_whole_values_count_without_masks(base: SimulatedBase) -> None:
    """Five rows of which two whole values each are one customer's need no shuffle test."""
    rows = sample_rows(strangers(5), "n")

    answer = answer_for(rows, base, {row.number: FullHit(checked=2, found=2, agreeing=2) for row in rows})

    assert answer.verdict is OursVerdict.OURS
    assert {row.basis for row in answer.evidence} == {RowBasis.FULL_PAIR}


def test_whole_values_that_are_nobodys_outweigh_a_mask_that_hits(base: SimulatedBase) -> None:
    """Rows look like customers by what a mask leaves, but their whole values belong to no customer."""
    rows = sample_rows(customers(20))

    answer = answer_for(rows, base, {row.number: FullHit(checked=2, found=0, agreeing=0) for row in rows})

    assert answer.share.high < 0.3
    assert answer.verdict is not OursVerdict.OURS
