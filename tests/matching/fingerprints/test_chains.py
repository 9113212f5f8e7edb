"""A base and its deltas are one list of customers: in order, searched as one, merged into one file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.errors import SegmentBaseOther, SegmentOutOfOrder
from matching.fingerprints.segments import (
    RECORD,
    MappedSegment,
    SegmentChain,
    SegmentHeader,
    Sorter,
    check_follows,
    in_order,
    merge_chain,
    open_segment,
    records_of,
    verify_segment,
)
from matching.fingerprints.segments.format import parse_header, read_header_json
from matching.fingerprints.segments.sorting import halves, merge_runs
from matching.identifiers import Field
from tests.matching.fingerprints.series import KEY, added, base, erased, prints


@dataclass
class Series:
    """The files of one company in the order in which it makes them: a base, then deltas."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    customers: dict[int, int] = field(default_factory=dict)  # ordinal -> value, without erased customers

    def base(self, values: Sequence[int]) -> Path:
        return self._recorded(base(self._next_path(), values), 1, values)

    def add(self, values: Sequence[int], **changes: Any) -> Path:
        first = self.header.customers + 1
        return self._recorded(added(self._next_path(), self.files[-1], values, **changes), first, values)

    def erase(self, ordinals: Sequence[int]) -> Path:
        for ordinal in ordinals:
            self.customers.pop(ordinal, None)
        return self._recorded(erased(self._next_path(), self.files[-1], ordinals))

    @property
    def header(self) -> SegmentHeader:
        return open_segment(self.files[-1]).header

    def opened(self) -> list[MappedSegment]:
        return [verify_segment(path, key=KEY) for path in self.files]

    def _next_path(self) -> Path:
        return self.folder / f"{len(self.files)}.segment"

    def _recorded(self, path: Path, first: int = 1, values: Sequence[int] = ()) -> Path:
        self.files.append(path)
        self.customers.update(enumerate(values, first))
        return path


def found(searched: SegmentChain | MappedSegment, values: Sequence[int]) -> list[tuple[int, int]]:
    hits, ordinals = searched.lookup(Field.EMAIL, prints(values))
    return sorted(
        (values[hit], ordinal) for hit, ordinal in zip(hits.tolist(), ordinals.tolist(), strict=True)
    )


STEP = st.one_of(
    st.tuples(st.just("add"), st.lists(st.integers(0, 30), max_size=8)),
    st.tuples(st.just("erase"), st.lists(st.integers(1, 40), max_size=8)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, 30), max_size=20), st.lists(STEP, max_size=5), st.integers(0, 5))
def test_a_chain_and_its_merger_are_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[int],
    steps: list[tuple[str, list[int]]],
    merged_first: int,
) -> None:
    """After additions and erasures, merged in any two steps, exactly the remaining customers are found."""
    series = Series(tmp_path_factory.mktemp("series"))
    series.base(values)
    for kind, numbers in steps:
        if kind == "add":
            series.add(numbers)
        else:
            series.erase([ordinal for ordinal in numbers if ordinal <= series.header.customers])
    opened = series.opened()
    halfway = series.folder / "halfway.segment"
    merge_chain(SegmentChain.of(opened[: merged_first + 1]), halfway)
    chain = SegmentChain.of([verify_segment(halfway, key=KEY), *opened[merged_first + 1 :]])
    whole = series.folder / "whole.segment"
    merge_chain(chain, whole)

    queries = list(range(31))
    wanted = sorted((value, ordinal) for ordinal, value in series.customers.items())
    assert found(SegmentChain.of(opened), queries) == found(chain, queries) == wanted
    assert found(verify_segment(whole, key=KEY), queries) == wanted


def test_a_merger_stands_where_its_last_delta_stood(tmp_path: Path) -> None:
    """The company's next delta, made from its own files, follows the merged file."""
    series = Series(tmp_path)
    series.base([1, 2, 3])
    series.add([4])
    series.erase([2])
    merged_file = tmp_path / "merged.segment"
    merge_chain(SegmentChain.of(series.opened()), merged_file)
    series.add([5])

    chain = SegmentChain.of([open_segment(merged_file), open_segment(series.files[-1])])
    assert (chain.header.sequence, chain.header.customers, len(chain.segments[0].erased)) == (3, 5, 0)
    assert found(chain, [1, 2, 3, 4, 5]) == [(1, 1), (3, 3), (4, 4), (5, 5)]


def test_erasure_is_real_after_the_merger(tmp_path: Path) -> None:
    """The base holds the fingerprints of erased customers, and the merged file holds none of their bytes."""
    series = Series(tmp_path)
    series.base(list(range(2000)))
    series.erase([7, 1999])
    merged_file = tmp_path / "merged.segment"
    merge_chain(SegmentChain.of(series.opened()), merged_file)
    records = records_of(prints([6, 1998]), np.array([7, 1999], np.uint32))
    kept = records_of(prints([7]), np.array([8], np.uint32))

    before, after = series.files[0].read_bytes(), merged_file.read_bytes()
    assert [one.tobytes() in before for one in (*records, *kept)] == [True, True, True]
    assert [one.tobytes()[:8] in after for one in (*records, *kept)] == [False, False, True]


@pytest.mark.parametrize(
    ("order", "error", "key_words"),
    [
        ([0, 2], SegmentOutOfOrder, r"2\.segment .* 2 .* 0; .* 1 first"),
        ([0, 1, 1], SegmentOutOfOrder, r"1\.segment .* 1 .* 1: nothing to do"),
        ([1, 2], SegmentBaseOther, r"1\.segment is a delta"),
        ([0, 0], SegmentBaseOther, r"0\.segment is a base"),
    ],
)
def test_deltas_out_of_order_are_refused(
    tmp_path: Path, order: list[int], error: type[Exception], key_words: str
) -> None:
    """The message names the file, its number, the number of the series and the missing number."""
    series = Series(tmp_path)
    series.base([1])
    series.add([2])
    series.erase([1])
    opened = series.opened()

    with pytest.raises(error, match=key_words):
        SegmentChain.of([opened[number] for number in order])


def test_a_delta_of_another_base_is_refused(tmp_path: Path) -> None:
    """Enrolling the same list again begins another series; the message names both."""
    first, second = Series(tmp_path / "1"), Series(tmp_path / "2")
    for series in (first, second):
        series.folder.mkdir()
        series.base([1])
    second.add([2])

    with pytest.raises(SegmentBaseOther) as refused:
        SegmentChain.of([open_segment(first.files[0]), open_segment(second.files[1])])
    assert all(series.header.series[:8] in str(refused.value) for series in (first, second))


def test_two_deltas_of_one_number_are_told_apart(tmp_path: Path) -> None:
    """A third delta that follows the one not imported is refused: its ordinals would mean other people."""
    series = Series(tmp_path)
    series.base([1])
    imported = series.add([2])
    series.files.pop()
    series.folder = tmp_path / "other"
    series.folder.mkdir()
    series.add([3])
    third = series.add([4])

    with pytest.raises(SegmentOutOfOrder, match="another number 1"):
        SegmentChain.of([open_segment(path) for path in (series.files[0], imported, third)])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"key_check": "00" * 8}, "another key_check"),
        ({"company": "harrowgate"}, "another company"),
        ({"default_region": "US"}, "another default_region"),
        ({"customers": 0}, "another customers"),
        ({"normalisers": {"email": 9}}, "another normalisers"),
    ],
)
def test_a_delta_that_was_made_otherwise_is_refused(
    tmp_path: Path, changes: dict[str, Any], difference: str
) -> None:
    """With another key, company, region or rules it would hit wrongly; the message names the difference."""
    series = Series(tmp_path)
    series.base([1])
    changes = {**changes, "normalisers": {Field.EMAIL: 9}} if "normalisers" in changes else changes
    path = series.add([2] if "customers" not in changes else [], **changes)
    base, delta = open_segment(series.files[0]).header, _header(path)

    with pytest.raises(SegmentBaseOther, match=difference):
        check_follows(delta, base, path)


def _header(path: Path) -> SegmentHeader:
    with path.open("rb") as stream:
        stated, _ = read_header_json(stream, path)
    return parse_header(stated, path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=30), max_size=6),
    st.integers(1, 40),
)
def test_sorting_in_runs_is_sorting(tmp_path: Path, batches: list[list[tuple[int, int]]], run: int) -> None:
    """With any limit of memory the records come in order, each pair of value and ordinal once."""
    sorter = Sorter(tmp_path, run=run)
    for batch in batches:
        sorter.add(prints(value for value, _ in batch), np.array([one for _, one in batch], np.uint32))
    sorted_ = np.concatenate([np.empty(0, RECORD), *sorter.merged()])

    pairs = sorted({pair for batch in batches for pair in batch})
    hi, lo = halves(prints(value for value, _ in pairs))
    wanted = sorted(zip(hi.tolist(), lo.tolist(), (one for _, one in pairs), strict=True))
    assert [tuple(one) for one in sorted_.tolist()] == wanted
    assert list(tmp_path.iterdir()) == []


def test_ties_are_in_the_order_of_the_rest() -> None:
    """Records that agree in their first eight bytes are sorted by the rest, across several runs."""
    random = np.random.default_rng(5)
    records = np.empty(500, RECORD)
    for name, top in (("hi", 3), ("lo", 3), ("ordinal", 90)):
        records[name] = random.integers(0, top, 500)
    runs = [in_order(part) for part in np.array_split(records, 7)]

    joined = np.concatenate(list(merge_runs(runs, width=50)))
    assert [tuple(one) for one in joined.tolist()] == sorted({tuple(one) for one in records.tolist()})
