"""Makes an investigation: one sweep of everything with every segment, without a first look."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from matching.comparing.findings import CompanyFindings, Findings
from matching.errors import MatchingError
from matching.fingerprints.segments import SegmentPurpose
from matching.identifiers import NORMALISERS
from matching.inputs import Limits
from matching.inputs.outcomes import WHOLE
from matching.investigation.attributing import attributed
from matching.investigation.company_answer import CompanyAnswer, SegmentUsed
from matching.investigation.full_matches import full_matches
from matching.investigation.investigation import (
    DOCUMENTS_LISTED,
    DocumentSeen,
    InputRead,
    Investigation,
    Reproduction,
)
from matching.investigation.ours_part import OursPart
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.seen_canaries import seen_canaries
from matching.investigation.subject import OpenSubject, shown_name
from matching.investigation.watched_lists import WatchedLists
from matching.sweep import Sweep, SweepProgress
from matching.watch import Watch


@dataclass(frozen=True, slots=True)
class InvestigatedWatch:
    """What is compared. `slugs`: of each company's number; `names` and `unusable`: by slug."""

    watch: Watch
    slugs: Mapping[int, str]
    names: Mapping[str, str]
    unusable: Mapping[str, MatchingError]


def investigate(
    opened: OpenSubject,
    watched: InvestigatedWatch,
    *,
    limits: Limits,
    matches_limit: int,
    command: str,
    now: datetime,
) -> tuple[Investigation, Findings, SweepProgress]:
    """Compare a subject with everything that is watched; return the answer, and the sweep for ordinals.

    Nothing is left out after a first look: an answer for a court has no "probably nothing in the rest".
    """
    lists = WatchedLists.of(watched.watch, watched.slugs)
    findings, progress = Findings(lists.watch, matches_limit), SweepProgress()
    Sweep(findings, progress, limits=limits, first_look=0).run(opened.sources())
    companies = watched.watch.company_ids | {
        number for number, slug in watched.slugs.items() if slug in watched.unusable
    }
    answer = Investigation(
        made_at=now,
        subject=opened.subject,
        reading=_reading(findings, progress),
        companies=tuple(
            _company_answer(findings, watched, lists, number)
            for number in sorted(companies, key=lambda one: watched.slugs[one])
        ),
        reproduction=Reproduction(
            spillwatch=version("spillwatch"),
            python=platform.python_version(),
            numpy=version("numpy"),
            normalisers={str(field): number for field, number in sorted(NORMALISERS.items())},
            command=command,
            max_bytes=limits.out_bytes,
        ),
    )
    return answer, findings, progress


def _company_answer(
    findings: Findings, watched: InvestigatedWatch, lists: WatchedLists, company: int
) -> CompanyAnswer:
    slug = watched.slugs[company]
    error = watched.unusable.get(slug)
    full = full_matches(findings, company)
    canaries = lists.numbers[company, SegmentPurpose.CANARIES]
    return CompanyAnswer(
        company=slug,
        name=watched.names.get(slug, slug),
        segments=tuple(SegmentUsed.of(one) for one in watched.watch.segments if one.company_id == company),
        unusable=None if error is None else error.reason,
        full=full,
        ours=_ours(findings, lists, company, unusable=error is not None),
        attribution=attributed(findings, lists, watched.slugs, company, full),
        canaries=seen_canaries(
            findings.watch,
            lists.segments(company, SegmentPurpose.CANARIES),
            findings.companies.get(canaries) or CompanyFindings(),
        ),
    )


def _ours(findings: Findings, lists: WatchedLists, company: int, *, unusable: bool) -> OursPart | NotAnswered:
    """Return why rows are not judged."""
    if unusable:
        return NotAnswered(WhyMissing.SEGMENT_UNUSABLE)
    if not lists.segments(company, SegmentPurpose.CUSTOMERS):
        return NotAnswered(WhyMissing.NO_SEGMENT)
    if not findings.rows_scanned:
        return NotAnswered(WhyMissing.NO_ROWS)
    return NotAnswered(WhyMissing.NO_MASKS_ENROLLED)


def _reading(findings: Findings, progress: SweepProgress) -> InputRead:
    seen = [
        DocumentSeen(
            name=shown_name(read.name),
            format=read.format,
            charset=read.charset,
            outcome=read.outcome,
            sentence=shown_name(read.sentence),
            bytes=read.bytes,
            rows=read.rows,
            masked_rows=read.masked_rows,
        )
        for read in progress.read
    ]
    listed = sorted(seen, key=lambda one: one.outcome == WHOLE)[:DOCUMENTS_LISTED]
    return InputRead(
        document_count=len(seen),
        whole_documents=sum(one.whole for one in seen),
        rows=findings.rows_scanned,
        masked_rows=sum(one.masked_rows for one in seen),
        candidates=findings.candidates,
        cut=tuple(sorted(findings.cut)),
        documents=tuple(listed),
    )
