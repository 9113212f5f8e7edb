"""Masked rows in several lists: which list, and of which cohorts, from tags alone."""

import numpy as np
import pytest

from benchmarks.ours_bases import SimulatedBase, World, draw_people, sample_rows
from matching.attribution.attribution import EnrolledList, SampleMatches, attribute
from matching.attribution.holders import Holder, HolderKind, HolderVerdict
from matching.attribution.masked_rows import masked_rows
from matching.comparing.agreements import PAIR

WORLD = World("a town", 30_000, in_one_region=0.6, names_by_region=True, skewed_endings=True)
NOTHING = np.empty(0, PAIR)


@pytest.fixture(scope="module")
def bases() -> list[SimulatedBase]:
    """A CRM, and a partner that has a third of its customers."""
    people = draw_people(WORLD, WORLD.customers, np.random.default_rng(1))
    return [SimulatedBase(people), SimulatedBase(people.at(np.arange(0, len(people), 3)))]


def lists_of(bases: list[SimulatedBase]) -> list[EnrolledList]:
    return [
        EnrolledList(place, Holder("quillmere", HolderKind.SYSTEM, label, base.customers))
        for place, (label, base) in enumerate(zip(("crm", "partner"), bases, strict=True))
    ]


@pytest.mark.parametrize(
    ("source", "verdict", "named"),
    [
        (0, HolderVerdict.CONSISTENT_WITH, {"crm"}),
        (1, HolderVerdict.CANNOT_TELL_APART, {"crm", "partner"}),
    ],
)
def test_masked_rows_name_their_list(
    bases: list[SimulatedBase], source: int, verdict: HolderVerdict, named: set[str]
) -> None:
    """Rows of the CRM are consistent with it; those of the partner may have been chosen from the CRM."""
    base = bases[source]
    chosen = np.random.default_rng(3).choice(base.customers, 40, replace=False)
    rows = sample_rows(base.people.at(chosen))

    found = attribute(
        "quillmere", lists_of(bases), SampleMatches(NOTHING, 40, masked=masked_rows(rows, bases))
    )

    assert (found.holders.verdict, {one.label for one in found.holders.named}) == (verdict, named)
    assert found.recycled.matches > 30


def test_strangers_are_matches_of_nobody(bases: list[SimulatedBase]) -> None:
    """Few strangers look like a customer, and no list is named."""
    rows = sample_rows(draw_people(WORLD, 40, np.random.default_rng(9)))

    found = attribute(
        "quillmere", lists_of(bases), SampleMatches(NOTHING, 40, masked=masked_rows(rows, bases))
    )

    assert found.recycled.matches < 5
    assert found.holders.verdict is not HolderVerdict.CONSISTENT_WITH or found.holders.rows < 10


def test_without_masks_there_are_no_masked_rows(bases: list[SimulatedBase]) -> None:
    """No base with masks, or no row: nothing to compare; a list without masks holds nothing."""
    rows = sample_rows(bases[0].people.at(np.arange(5)))

    found = masked_rows(rows, [bases[0], None])

    assert (masked_rows(rows, [None, None]), masked_rows([], bases)) == (None, None)
    assert found is not None
    assert (found.held[:, 0].min() >= 1, found.held[:, 1].max()) == (True, 0)
