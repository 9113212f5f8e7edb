"""Investigations of invented samples against an enrolled list, made once per process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from demo.people import Customer, combo, mainlanders, write_csv
from matching.enrolment.enrol import enroll
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.inputs import Limits
from matching.investigation.investigating import InvestigatedWatch, InvestigationOptions, investigate
from matching.investigation.investigation import Investigation
from matching.investigation.subject import open_sample
from matching.mentions.terms import WatchTerm
from matching.watch import Watch, WatchedSegment, watch_of

NOW = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
KEY = RootKey("k1", bytes(range(32)))
CUSTOMERS = mainlanders(1000)
STRANGERS = mainlanders(50, start=1500)
COMPANY = "yutang"


@cache
def enrolled_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="spillwatch-answers-"))
    write_csv(folder / "customers.csv", CUSTOMERS)
    path = folder / "yutang.segment"
    enroll(folder / "customers.csv", path, company=COMPANY, key=KEY, default_region="CN", now=NOW)
    return path


@cache
def enrolled() -> WatchedSegment:
    return WatchedSegment(1, 1, open_segment(enrolled_file()), "CN", KEY)


def watch(segments: Sequence[WatchedSegment] | None = None) -> Watch:
    terms = [WatchTerm(1, 1, "榆塘小贷", "name"), WatchTerm(2, 2, "quillmere", "name")]
    return watch_of(terms, [enrolled()] if segments is None else segments)


def investigated(path: Path, *, watched: Watch | None = None, name: str = "榆塘小贷") -> Investigation:
    """Return the answer about a file or folder."""
    made = investigate(
        open_sample(path),
        InvestigatedWatch(watched or watch(), {1: COMPANY, 2: "quillmere"}, {COMPANY: name}, {}),
        InvestigationOptions(Limits()),
        command="spillwatch investigate sample.csv",
        now=NOW,
    )
    return made.answer


def sample_of(folder: Path, customers: Sequence[Customer], *, name: str = "sample.csv") -> Path:
    path = folder / name
    path.write_text(combo(customers))
    return path


def values_of(customers: Sequence[Customer]) -> set[str]:
    """Return every value that must not be shown."""
    return {
        value for one in customers for value in (one.name, one.email, one.phone, one.resident_id) if value
    }
