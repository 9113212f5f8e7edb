"""The shuffle test: exact where rows are few, right by its own error rate where they are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from matching.ours.comparable_base import VisiblePair
from matching.ours.shuffle import LOOKUPS, ShuffledRows, arrangements, shuffle_test


class Members:
    """Customers' pairs; counts how many joins were looked up."""

    def __init__(self, pairs: Sequence[VisiblePair]) -> None:
        self.pairs, self.asked = frozenset(pairs), 0

    def __call__(self, pairs: Sequence[VisiblePair]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        self.asked += len(pairs)
        return np.array([pair in self.pairs for pair in pairs], np.int64)


def people(count: int) -> list[VisiblePair]:
    return [(f"anchor {number}", f"{number:04d}") for number in range(count)]


def rows_of(lookup: Members, pairs: Sequence[VisiblePair]) -> ShuffledRows:
    return ShuffledRows(lookup, pairs, np.full(len(pairs), 10.0), np.full(len(pairs), 1e-3))


def test_five_rows_that_all_hit_reach_one_arrangement_in_120() -> None:
    """Only the rows as offered hit five times."""
    found = shuffle_test([rows_of(Members(people(5)), people(5))])

    assert (found.as_offered, found.shuffled_mean, found.p, found.possible) == (5, 1.0, 1 / 120, 120)


def test_three_hits_of_five_rows() -> None:
    """2 of 120 arrangements keep three given rows together; the other two rows may be swapped."""
    found = shuffle_test([rows_of(Members(people(3)), people(5))])

    assert found.as_offered == 3
    assert found.p == pytest.approx(2 / 120)


def test_rows_of_two_templates_are_swapped_within_each() -> None:
    """3 rows of one and 4 of another have 3! x 4! arrangements."""
    first, second = people(3), people(4)

    found = shuffle_test([rows_of(Members(each), each) for each in (first, second)])

    assert (found.as_offered, found.possible) == (7, 144)
    assert found.p == pytest.approx(1 / 144)


def test_a_single_row_cannot_be_swapped() -> None:
    """A row without another one of its template is left out."""
    for groups in ([], [rows_of(Members(people(1)), people(1))]):
        found = shuffle_test(groups)

        assert (found.rows, found.as_offered, found.p, found.possible) == (0, 0, 1, 1)


def test_equal_parts_have_fewer_arrangements() -> None:
    """Swapping the endings of rows with one anchor changes nothing."""
    assert arrangements([("a", str(number)) for number in range(8)]) == 1
    assert arrangements([("a", "1"), ("a", "2"), ("b", "3")]) == 3
    assert arrangements(people(200)) == 10**9


def test_many_rows_keep_the_look_ups_bounded() -> None:
    """5,000 rows would have 25,000,000 joins; all blocks together stay at the limit."""
    lookup = Members(people(5_000)[::10])

    found = shuffle_test([rows_of(lookup, people(5_000))])

    assert lookup.asked <= LOOKUPS * 1.05
    assert found.p == 1 / 2_000
    assert found.as_offered == pytest.approx(found.rows / 10, rel=0.3)


def test_it_is_wrong_as_often_as_it_says() -> None:
    """Of 400 samples whose parts are joined by chance, p is at most 0.05 in about 20, and 0.01 in about 4."""
    rng = np.random.default_rng(3)
    values = []
    for _ in range(400):
        pairs = people(12)
        joins = [(anchor, ending) for anchor, _ in pairs for _, ending in pairs if rng.random() < 0.15]
        values.append(shuffle_test([rows_of(Members(joins), pairs)]).p)

    assert sum(p <= 0.05 for p in values) < 32
    assert sum(p <= 0.01 for p in values) < 12
