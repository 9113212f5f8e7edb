"""Lists of other purposes than customers, and masked samples, of the invented company."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from demo.people import Customer, write_csv
from matching.enrolment.enrol import enroll
from matching.fingerprints.segments import HeaderParts, SegmentPurpose, open_segment
from matching.watch import WatchedSegment
from tests.matching.canaries.planted import SETS, invented, planted_segment
from tests.matching.investigation.answers import COMPANY, CUSTOMERS, KEY, NOW

CANARIES = invented()


@cache
def known_breach(first: int = 0, end: int = 30) -> WatchedSegment:
    """Return the list of an earlier breach with these customers in it."""
    folder = Path(tempfile.mkdtemp(prefix="spillwatch-breach-"))
    write_csv(folder / "breach.csv", CUSTOMERS[first:end])
    enroll(
        folder / "breach.csv",
        folder / "breach.segment",
        company=COMPANY,
        key=KEY,
        default_region="CN",
        now=NOW,
        parts=HeaderParts(purpose=SegmentPurpose.KNOWN_BREACH, label="breach-2015"),
    )
    return WatchedSegment(2, 1, open_segment(folder / "breach.segment"), "CN", KEY)


def customer_list(folder: Path, people: Sequence[Customer], *, masks: bool = True) -> WatchedSegment:
    """Return another list of customers of the company."""
    folder.mkdir()
    write_csv(folder / "list.csv", people)
    enroll(
        folder / "list.csv",
        folder / "list.segment",
        company=COMPANY,
        key=KEY,
        default_region="CN",
        now=NOW,
        masks=masks,
    )
    return WatchedSegment(4, 1, open_segment(folder / "list.segment"), "CN", KEY)


@cache
def canaries() -> WatchedSegment:
    folder = Path(tempfile.mkdtemp(prefix="spillwatch-canaries-"))
    return replace(planted_segment(folder, CANARIES, key=KEY, slug=COMPANY), id=3)


def masked_canaries(folder: Path) -> WatchedSegment:
    """Return the canaries enrolled with masks."""
    folder.mkdir()
    with (folder / "canaries.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("name", "birth_date", "resident_id", "planted_since"))
        writer.writerows(
            (one.name, one.birth_date.isoformat(), one.resident_id, planted.issued)
            for planted in SETS
            for one in CANARIES[planted.first - 1 : planted.last]
        )
    enroll(
        folder / "canaries.csv",
        folder / "canaries.segment",
        company=COMPANY,
        key=KEY,
        default_region="CN",
        now=NOW,
        since="planted_since",
        parts=HeaderParts(purpose=SegmentPurpose.CANARIES, canary_sets=SETS),
    )
    return WatchedSegment(5, 1, open_segment(folder / "canaries.segment"), "CN", KEY)


def masked(people: Sequence[Customer]) -> str:
    """Return rows as sellers show them."""
    return "".join(f"{one.name[0]}*  {one.phone[:3]}****{one.phone[-4:]}\n" for one in people)
