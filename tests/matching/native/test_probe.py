"""The native lookup and that of numpy, compared with a dictionary and with each other."""

import gc
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.fingerprints.scheme import Fingerprints
from matching.fingerprints.segments.lookup_table import (
    SHARED_LIMIT,
    Hits,
    LookupTable,
    Marking,
    by_numpy,
    lookup,
)
from matching.fingerprints.segments.sorting import in_order, records_of
from matching.native.library import PATH, LibraryMissing
from matching.native.probe import Probe, functions, marks_of, probe
from setup.native_library import compile_library


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """The functions compiled from the C files as they are now, not those of the installed library."""
    return functions(compile_library(PATH.parent, tmp_path_factory.mktemp("native") / "scanner.so"))


def natively(search: Probe, table: LookupTable, values: Fingerprints, shared: int = SHARED_LIMIT) -> Hits:
    return probe(search, table.records, table.directory, table.bits, None, values, shared)


def by_marks(search: Probe, table: LookupTable, values: Fingerprints) -> Hits:
    marks = marks_of(search, table.records)
    return probe(search, table.records, table.directory, table.bits, marks, values, SHARED_LIMIT)


def by_dictionary(values: Fingerprints, ordinals: list[int], queries: Fingerprints) -> list[tuple[int, int]]:
    """The specification: the first SHARED_LIMIT customers of each query."""
    known: dict[bytes, set[int]] = defaultdict(set)
    for value, ordinal in zip(values, ordinals, strict=True):
        known[value.tobytes()[:12]].add(ordinal)
    return [
        (number, ordinal)
        for number, query in enumerate(queries)
        for ordinal in sorted(known.get(query.tobytes()[:12], ()))[:SHARED_LIMIT]
    ]


def pairs(hits: Hits) -> list[tuple[int, int]]:
    return [(int(query), int(ordinal)) for query, ordinal in zip(*hits, strict=True)]


def fingerprints(seed: int, count: int, alphabet: int) -> Fingerprints:
    """Return random fingerprints: evenly spread if `alphabet` is 256, else with duplicates."""
    random = np.random.default_rng(seed)
    made: NDArray[np.uint8] = random.integers(0, alphabet, (count, 16), np.uint8)
    made[:, 3:8] = made[:, 3:4]
    made[:, 9:] = 0
    return made


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 400), st.integers(0, 200), st.sampled_from([1, 2, 5, 256]))
def test_both_lookups_are_a_dictionary(
    search: Probe, seed: int, count: int, asked: int, alphabet: int
) -> None:
    """For any table and any batch, all give exactly the same hits in the same order."""
    values = fingerprints(seed, count, alphabet)
    ordinals = np.random.default_rng(seed).integers(1, 300, count, np.uint32)
    queries = np.concatenate((fingerprints(seed + 1, asked, alphabet), values[: asked // 2]))
    table = LookupTable.of(in_order(records_of(values, ordinals)))

    wanted = by_dictionary(values, ordinals.tolist(), queries)
    if count and len(queries):
        assert pairs(by_numpy(table, queries)) == wanted
        assert pairs(natively(search, table, queries)) == wanted
        assert pairs(by_marks(search, table, queries)) == wanted


def test_both_find_everybody_of_a_large_table(search: Probe) -> None:
    """Two hundred thousand customers are found among as many strangers, in rows of 32 bytes."""
    random = np.random.default_rng(3)
    wide = random.integers(0, 256, (400_000, 32), np.uint8)
    known = wide[::2, :16]
    table = LookupTable.of(in_order(records_of(known, np.arange(1, 200_001, dtype=np.uint32))))

    wanted = [(2 * number, number + 1) for number in range(200_000)]
    assert pairs(natively(search, table, wide[:, :16])) == pairs(by_numpy(table, wide[:, :16])) == wanted
    assert pairs(by_marks(search, table, wide[:, :16])) == wanted


def test_a_table_is_marked_once_it_is_asked_much() -> None:
    """The few values of a paste do not cause marks; those of a dump do, and the memory is freed later."""
    values = np.random.default_rng(7).integers(0, 256, (10_000, 16), np.uint8)
    table = LookupTable.of(in_order(records_of(values, np.arange(10_000, dtype=np.uint32))))
    taken = Marking.taken

    lookup(table, values[:5_000])
    few = Marking.taken - taken
    hits = [lookup(table, values) for _ in range(2)]
    many = Marking.taken - taken
    del table
    gc.collect()

    assert (few, many, Marking.taken - taken) == (0, 16_384, 0)
    assert [len(queries) for queries, _ in hits] == [10_000, 10_000]


def test_marks_have_a_limit(search: Probe) -> None:
    """A table whose marks would exceed the memory for marks is searched without marks."""
    values = np.random.default_rng(8).integers(0, 256, (1_000, 16), np.uint8)
    records = in_order(records_of(values, np.arange(1_000, dtype=np.uint32)))
    taken = Marking.taken

    within = Marking(limit=taken + 1_024).after(1_000, search, records)
    beyond = Marking(limit=taken + 1_023).after(1_000, search, records)

    assert (within is not None, beyond) == (True, None)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=320, max_size=320), st.binary(min_size=12, max_size=12), st.integers(0, 2**32 - 1))
def test_a_table_of_junk_ends_a_native_lookup(search: Probe, junk: bytes, steps: bytes, cut: int) -> None:
    """With a directory that points anywhere, hits are in the table and limited in number."""
    records = np.frombuffer(junk, np.dtype([("hi", "<u8"), ("lo", "<u4"), ("ordinal", "<u4")]))
    directory = np.frombuffer(steps, "<u4") % np.uint32(cut | 1)
    queries = np.frombuffer(junk, np.uint8).reshape(20, 16)

    hits, ordinals = probe(search, records, directory, 1, None, queries, 4)
    assert len(hits) <= 20 * 4
    assert set(ordinals.tolist()) <= set(records["ordinal"].tolist())


def test_a_library_without_the_lookup_is_refused(tmp_path: Path) -> None:
    """The message says what to do; numpy looks up then."""
    (tmp_path / "old.c").write_text(
        '__attribute__((visibility("default"))) unsigned sw_abi(void) { return 0; }'
    )
    old = compile_library(tmp_path, tmp_path / "scanner.so")

    with pytest.raises(LibraryMissing, match=r"Install Spillwatch again|cannot be loaded"):
        functions(old)
