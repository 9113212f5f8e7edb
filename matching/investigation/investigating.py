"""Makes an investigation: one sweep of everything with every segment, without a first look."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from matching.comparing.findings import Findings
from matching.errors import MatchingError
from matching.identifiers import NORMALISERS
from matching.inputs import Limits
from matching.inputs.outcomes import WHOLE
from matching.investigation.company_answer import CompanyAnswer, SegmentUsed, full_matches
from matching.investigation.investigation import (
    DOCUMENTS_LISTED,
    DocumentSeen,
    InputRead,
    Investigation,
    Reproduction,
)
from matching.investigation.subject import OpenSubject, shown_name
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
    findings, progress = Findings(watched.watch, matches_limit), SweepProgress()
    Sweep(findings, progress, limits=limits, first_look=0).run(opened.sources())
    companies = watched.watch.company_ids | {
        number for number, slug in watched.slugs.items() if slug in watched.unusable
    }
    answer = Investigation(
        made_at=now,
        subject=opened.subject,
        reading=_reading(findings, progress),
        companies=tuple(
            _company_answer(findings, watched, number)
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


def _company_answer(findings: Findings, watched: InvestigatedWatch, company: int) -> CompanyAnswer:
    slug = watched.slugs[company]
    segments = [one for one in watched.watch.segments if one.company_id == company]
    error = watched.unusable.get(slug)
    return CompanyAnswer(
        company=slug,
        name=watched.names.get(slug, slug),
        segments=tuple(map(SegmentUsed.of, segments)),
        unusable=None if error is None else error.reason,
        full=full_matches(findings, company),
    )


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
