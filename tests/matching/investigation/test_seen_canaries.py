"""The canaries of an investigation, by set, and those among them that are certain."""

import io
from pathlib import Path

from matching.comparing.findings import CompanyFindings, Findings
from matching.fingerprints.segments import SegmentPurpose
from matching.investigation.parts import NotAnswered
from matching.investigation.seen_canaries import SeenCanaries, seen_canaries
from matching.investigation.watched_lists import WatchedLists
from matching.sweep import Sweep
from matching.watch import watch_of
from tests.matching.canaries.planted import invented, planted_segment, row_of
from tests.matching.comparing.test_findings import segment
from tests.matching.customers import customers

CANARIES = invented()


def seen(folder: Path, text: str) -> SeenCanaries | NotAnswered:
    watch = watch_of([], [segment(folder, customers(50)), planted_segment(folder, CANARIES)])
    lists = WatchedLists.of(watch, {1: "quillmere"})
    sweep = Sweep(Findings(lists.watch, 1))
    sweep.run([("dump", io.BytesIO(text.encode()))])
    number = lists.numbers[1, SegmentPurpose.CANARIES]
    found = sweep.findings.companies.get(number) or CompanyFindings()
    return seen_canaries(lists.watch.segments, lists.segments(1, SegmentPurpose.CANARIES), found.canaries)


def test_every_canary_of_a_dump_is_named_by_its_set(tmp_path: Path) -> None:
    """Ten of them where one match is kept: five of the CRM, five that the partner got."""
    found = seen(tmp_path, "\n".join(map(row_of, CANARIES)))

    assert isinstance(found, SeenCanaries)
    assert {one.label: one.ordinals for one in found.sets} == {
        "crm": (1, 2, 3, 4, 5),
        "crm--acme": (6, 7, 8, 9, 10),
    }


def test_a_canarys_telephone_number_alone_names_nobody(tmp_path: Path) -> None:
    """It is a number of drama, which may be in any text."""
    found = seen(tmp_path, f"call {CANARIES[0].phone}")

    assert isinstance(found, SeenCanaries)
    assert (found.canaries, found.certain_sets) == (1, ())
