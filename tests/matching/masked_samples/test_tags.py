"""Sorting tags and counting anchors in bounded memory gives what doing it at once gives."""

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.fingerprints.segments import LEAST_PEOPLE
from matching.masked_samples.tags import AnchorCounter, NumberSorter

NUMBERS = st.integers(0, 5) | st.integers(0, 2**56 - 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(NUMBERS, max_size=30), max_size=8), st.integers(1, 40))
def test_numbers_are_sorted(tmp_path: Path, batches: list[list[int]], run: int) -> None:
    """With any limit of memory the numbers come in order, none is lost, and no file is left."""
    sorter = NumberSorter(tmp_path, run=run)
    for batch in batches:
        sorter.add(np.array(batch, np.uint64))
    found = np.concatenate(list(sorter.merged()))

    assert found.tolist() == sorted(number for batch in batches for number in batch)
    assert sorter.count == len(found)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9) | st.integers(0, 2**32 - 1), st.integers(1, 20)), max_size=30),
        max_size=8,
    ),
    st.integers(1, 40),
)
def test_anchors_are_counted(tmp_path: Path, batches: list[list[tuple[int, int]]], run: int) -> None:
    """With any limit of memory each anchor of ten people or more is listed, and the others are summed."""
    counter = AnchorCounter(tmp_path, run=run)
    wanted: Counter[int] = Counter()
    for batch in batches:
        counter.add(
            np.array([code for code, _ in batch], np.uint32),
            np.array([count for _, count in batch], np.int64),
        )
        for code, count in batch:
            wanted[code] += count
    records, rare, squares = counter.finished()

    few = [count for count in wanted.values() if count < LEAST_PEOPLE]
    many = sorted((code, count) for code, count in wanted.items() if count >= LEAST_PEOPLE)
    assert [tuple(record) for record in records.tolist()] == many
    assert (rare, squares) == (sum(few), sum(count**2 for count in few))
