"""Attribution of a real dump: lists are enrolled, the dump is matched, and the answer names what is right."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from matching.attribution.attribution import Attribution, SampleMatches, attribute
from matching.attribution.enrolled_lists import covered_share, enrolled_lists
from matching.attribution.holders import HolderKind, HolderVerdict
from matching.attribution.recycled import RecycledVerdict
from matching.comparing.findings import Findings
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import (
    HeaderParts,
    SegmentPurpose,
    first_header,
    in_order,
    open_segment,
    records_of,
    write_segment,
)
from matching.identifiers import Field, canonical
from matching.sweep import Sweep
from matching.watch import WatchedSegment, watch_of
from tests.matching.customers import Customer, as_csv, customer

KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = {1: "quillmere"}


def watched(tmp_path: Path, rows: Sequence[Customer], number: int, parts: HeaderParts) -> WatchedSegment:
    """Write a segment with telephone numbers and e-mail addresses, and open it."""
    path = tmp_path / f"{number}.segment"
    sections = {}
    ordinals = np.arange(1, len(rows) + 1, dtype=np.uint32)
    for field, place in ((Field.EMAIL, 1), (Field.PHONE, 2)):
        forms = [canonical(field, row[place], "CN") or "" for row in rows]
        values = KEY.fingerprinter("quillmere", field)(forms)
        sections[field] = [in_order(records_of(values, ordinals))]
    header = first_header(
        company="quillmere",
        default_region="CN",
        key=KEY,
        customers=len(rows),
        counts={field: len(rows) for field in sections},
        now=NOW,
        parts=parts,
    )
    write_segment(path, header, sections)
    return WatchedSegment(number, 1, open_segment(path), "CN", KEY)


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> list[WatchedSegment]:
    """A CRM of 600 customers, a partner with 200 of them, a known breach with 150, and canaries."""
    folder = tmp_path_factory.mktemp("lists")
    people = [customer(number) for number in range(1001, 1601)]
    breach = HeaderParts(purpose=SegmentPurpose.KNOWN_BREACH, label="shop-2019")
    return [
        watched(folder, people, 1, HeaderParts(label="crm")),
        watched(folder, people[:200], 2, HeaderParts(label="partner-a")),
        watched(folder, people[100:250], 3, breach),
        watched(folder, [customer(9001)], 4, HeaderParts(purpose=SegmentPurpose.CANARIES)),
    ]


def attributed(segments: list[WatchedSegment], people: Sequence[int]) -> Attribution:
    """Match a dump of these customers and attribute what is found."""
    watch = replace(watch_of([], segments), by_list=True)  # people of breaches are among the pairs
    findings = Findings(watch, 100)
    dump = as_csv([customer(number) for number in people]).encode()
    Sweep(findings, threads=1).run([("dump.csv", io.BytesIO(dump))])
    found = SampleMatches(findings.companies[1].agreements.pairs(), findings.rows_scanned)
    return attribute("quillmere", enrolled_lists(segments, NAMES), found, covered=covered_share(segments, 1))


def test_lists_are_named_and_canaries_are_none(segments: list[WatchedSegment]) -> None:
    """Each list has its kind, label and size; canaries are no list that rows are taken from."""
    lists = enrolled_lists(segments, NAMES)

    assert [(one.segment, str(one.holder), one.holder.kind, one.holder.customers) for one in lists] == [
        (0, "quillmere/crm", HolderKind.SYSTEM, 600),
        (1, "quillmere/partner-a", HolderKind.SYSTEM, 200),
        (2, "quillmere/shop-2019", HolderKind.KNOWN_BREACH, 150),
    ]


def test_the_share_that_breaches_cover_is_measured(segments: list[WatchedSegment]) -> None:
    """150 of 600 customers are in the breach; without a breach there is no share."""
    assert covered_share(segments, 1) == pytest.approx(0.25)
    assert covered_share(segments[:2], 1) is None
    assert covered_share(segments, 2) is None


def test_a_dump_of_the_crm(segments: list[WatchedSegment]) -> None:
    """Every fifth customer: consistent with the CRM, and no more recycled than any sample is."""
    found = attributed(segments, range(1001, 1601, 5))

    assert (found.holders.verdict, str(found.holders.named[0])) == (
        HolderVerdict.CONSISTENT_WITH,
        "quillmere/crm",
    )
    assert (found.recycled.matches, found.recycled.explained) == (120, 30)
    assert found.recycled.verdict is RecycledVerdict.AS_MANY_AS_ANY_SAMPLE
    assert [(one.fields, one.rows, one.customers) for one in found.overlap.combinations] == [
        ((Field.EMAIL, Field.PHONE), 120, 120)
    ]


def test_a_dump_of_the_known_breach(segments: list[WatchedSegment]) -> None:
    """All rows are in the breach: recycled, and the CRM that holds them as well is named beside it."""
    found = attributed(segments, range(1101, 1251))

    assert (found.recycled.verdict, dict(found.recycled.by_breach)) == (
        RecycledVerdict.RECYCLED,
        {"shop-2019": 150},
    )
    assert found.holders.verdict is HolderVerdict.CANNOT_TELL_APART
    assert {str(one) for one in found.holders.named} == {"quillmere/shop-2019", "quillmere/crm"}
