"""Pairs of row and customer, and their totals when there are too many pairs to keep."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.comparing.agreements import Agreements, AgreementTotals, pairs_from_columns

#: Segment, ordinal and the bit of a field, of one hit.
HITS = st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 3))
BLOCKS = st.lists(st.lists(st.lists(HITS, max_size=5), min_size=1, max_size=4), max_size=8)


@given(BLOCKS, st.sampled_from([0, 1, 7, 1 << 20]))
@settings(max_examples=200, deadline=None)
def test_totals_do_not_depend_on_how_many_pairs_are_kept(
    blocks: list[list[list[tuple[int, int, int]]]], limit: int
) -> None:
    """Coherent rows, and customers with their fields, rows and first line, equal those of a dictionary."""
    agreements = Agreements(pairs_limit=limit)
    pairs: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    row = 0
    for block in blocks:
        hits = [(row + place, *hit) for place, found in enumerate(block) for hit in found]
        rows, segments, ordinals, bits = np.array(hits, np.int64).reshape(-1, 4).T
        agreements.add(
            pairs_from_columns(
                {
                    "row": rows,
                    "segment": segments,
                    "ordinal": ordinals,
                    "fields": np.left_shift(1, bits),
                    "line": rows + 10,
                    "document": 3,
                }
            )
        )
        for place, segment, ordinal, bit in hits:
            pairs[place, segment, ordinal].add(bit)
        row += len(block)

    coherent = sum(len(bits) > 1 for bits in pairs.values())
    customers: dict[tuple[int, int], list[tuple[int, set[int]]]] = defaultdict(list)
    for (place, segment, ordinal), found in sorted(pairs.items()):
        customers[segment, ordinal].append((place, found))
    assert agreements.totals() == AgreementTotals(coherent, len(pairs) - coherent, len(customers))
    assert agreements.customers().tolist() == [
        (
            ordinal,
            segment,
            sum(1 << bit for bit in set().union(*(bits for _, bits in found))),
            len(found),
            found[0][0] + 10,
            3,
        )
        for (segment, ordinal), found in sorted(customers.items())
    ]


def test_summed_pairs_take_one_entry_per_customer() -> None:
    """A hundred thousand rows of ten customers take ten entries, and those of the last pairs."""
    agreements = Agreements(pairs_limit=1_000)

    for start in range(0, 100_000, 500):
        row = np.arange(start, start + 500)
        agreements.add(
            pairs_from_columns(
                {"row": row, "ordinal": row % 10, "segment": 0, "fields": 3, "line": row, "document": 0}
            )
        )

    assert (len(agreements.summed_customers), len(agreements.pairs()) <= 1_000) == (10, True)
    assert agreements.totals() == AgreementTotals(100_000, 0, 10)
