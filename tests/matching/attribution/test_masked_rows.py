"""Masked rows in several lists: which list, and of which cohorts, from tags alone."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ours_bases import SimulatedBase, World, draw_people, sample_rows
from matching.attribution.attribution import EnrolledList, SampleMatches, attribute
from matching.attribution.cohorts import CohortVerdict
from matching.attribution.enrolled_lists import covered_share, enrolled_lists
from matching.attribution.holders import Holder, HolderKind, HolderVerdict
from matching.attribution.masked_rows import masked_rows
from matching.attribution.recycled import RecycledVerdict
from matching.comparing.agreements import PAIR
from matching.enrolment.enrol import enroll
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import HeaderParts, SegmentPurpose, chain_of, open_segment
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.reading import read_sample
from matching.watch import WatchedSegment

WORLD = World("a town", 30_000, in_one_region=0.6, names_by_region=True, skewed_endings=True)
NOTHING = np.empty(0, PAIR)
KEY = RootKey("k1", bytes(range(32)))


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


def invented_customers(count: int) -> list[tuple[str, str, str]]:
    """Return name, telephone number and first day of customers; one more enrols every day."""
    random = np.random.default_rng(4)
    families, given = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"
    names = [
        families[random.integers(10)] + given[random.integers(10)] + given[random.integers(10)]
        for _ in range(count)
    ]
    numbers = [f"138{random.integers(10**8):08}" for _ in range(count)]
    days = [(date(2012, 1, 1) + timedelta(days=number)).isoformat() for number in range(count)]
    return list(zip(names, numbers, days, strict=True))


def enrolled(
    folder: Path, rows: Sequence[tuple[str, str, str]], number: int, parts: HeaderParts
) -> WatchedSegment:
    listed, segment = folder / f"{number}.csv", folder / f"{number}.segment"
    listed.write_text("".join(",".join(row) + "\n" for row in [("name", "phone", "since"), *rows]))
    enroll(
        listed,
        segment,
        company="quillmere",
        key=KEY,
        default_region="CN",
        now=datetime(2026, 3, 1, tzinfo=UTC),
        since="since",
        parts=parts,
    )
    return WatchedSegment(number, 1, open_segment(segment), "CN", KEY)


def test_masked_rows_of_an_enrolled_list_are_dated_and_recycled(tmp_path: Path) -> None:
    """Forty rows such as 张*三 138****1234 date the copy, name its list, or show that it is an old one."""
    people = invented_customers(3_000)
    segments = [
        enrolled(tmp_path, people, 1, HeaderParts(label="crm")),
        enrolled(tmp_path, people[::2], 2, HeaderParts(label="partner-a")),
        enrolled(
            tmp_path,
            people[300:600],
            3,
            HeaderParts(purpose=SegmentPurpose.KNOWN_BREACH, label="shop-2019"),
        ),
    ]
    lists = enrolled_lists(segments, {1: "quillmere"})
    bases = [MaskedBase.of([(chain_of(one.segment), one.key)]) for one in segments]
    answers = {}
    for name, chosen in (("old", people[0:1800:45]), ("recycled", people[300:600:7])):
        text = "\n".join(f"{row[0][0]}*{row[0][2]} {row[1][:3]}****{row[1][-4:]}" for row in chosen)
        rows = read_sample(text, region="CN").rows
        masked = masked_rows(rows, bases)
        found = SampleMatches(NOTHING, len(rows), masked=masked)
        answers[name] = attribute("quillmere", lists, found, covered=covered_share(segments, 1))

    old, recycled = answers["old"], answers["recycled"]
    assert old.cohorts.verdict is CohortVerdict.DATED
    assert old.cohorts.before is not None
    assert date(2016, 8, 1) < old.cohorts.before < date(2016, 12, 31)
    assert [str(one) for one in old.holders.named] == ["quillmere/crm"]
    assert old.recycled.verdict is RecycledVerdict.AS_MANY_AS_ANY_SAMPLE
    assert recycled.recycled.verdict is RecycledVerdict.RECYCLED
    assert {one.label for one in recycled.holders.named} == {"crm", "shop-2019"}
