"""Makes an investigation: one sweep of everything with every segment, without a first look."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from matching.attribution.leak_tables import LeakTable
from matching.comparing.canary_sightings import CanarySightings
from matching.comparing.findings import Findings
from matching.comparing.sample_answers import MaskedCompany, canary_bases, masked_canaries
from matching.comparing.whole_values import whole_value_hits
from matching.errors import MasksMissing, MatchingError, SegmentRefused
from matching.fingerprints.segments import SegmentPurpose, chain_of
from matching.identifiers import NORMALISERS
from matching.inputs import Limits
from matching.inputs.outcomes import WHOLE
from matching.investigation.attributing import attributed, leak_tables
from matching.investigation.company_answer import CompanyAnswer, SegmentUsed
from matching.investigation.full_matches import full_matches
from matching.investigation.investigation import (
    DOCUMENTS_LISTED,
    DocumentSeen,
    InputRead,
    Investigation,
    Reproduction,
)
from matching.investigation.ours_part import OursPart, ours_part
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.read_rows import ReadRows, read_rows
from matching.investigation.seen_canaries import seen_canaries
from matching.investigation.subject import OpenSubject, shown_name
from matching.investigation.watched_lists import WatchedLists
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.templates import TEMPLATES_VERSION
from matching.ours import FullHit
from matching.sweep import Sweep, SweepProgress
from matching.watch import Watch
from storage.canary_matches import CanaryRecord


@dataclass(frozen=True, slots=True)
class InvestigatedWatch:
    """What is compared. `slugs`: of each company's number; `names` and `unusable`: by slug."""

    watch: Watch
    slugs: Mapping[int, str]
    names: Mapping[str, str]
    unusable: Mapping[str, MatchingError]


@dataclass(frozen=True, slots=True)
class InvestigationOptions:
    """`matches_limit`: mentions and hits that are kept per company; everything counts."""

    limits: Limits
    matches_limit: int = 100
    on_progress: Callable[[SweepProgress], None] = lambda _progress: None  # called after blocks were counted


@dataclass(frozen=True, slots=True)
class Investigated:
    """An answer, with the sweep that ordinals are written from."""

    answer: Investigation
    findings: Findings
    progress: SweepProgress
    lists: WatchedLists


def investigate(
    opened: OpenSubject,
    watched: InvestigatedWatch,
    options: InvestigationOptions,
    *,
    command: str,
    now: datetime,
) -> Investigated:
    """Compare a subject with everything that is watched.

    Nothing is left out after a first look: an answer for a court has no "probably nothing in the rest".
    """
    lists = WatchedLists.of(watched.watch, watched.slugs)
    findings, progress = Findings(lists.watch, options.matches_limit), SweepProgress()
    sweep = Sweep(findings, progress, limits=options.limits, first_look=0, on_progress=options.on_progress)
    sweep.run(opened.sources())
    companies = watched.watch.company_ids | {
        number for number, slug in watched.slugs.items() if slug in watched.unusable
    }
    answering = _Answering(opened, watched, lists, findings, options.limits)
    answer = Investigation(
        made_at=now,
        subject=opened.subject,
        reading=_reading(findings, progress),
        companies=tuple(
            answering.company_answer(number)
            for number in sorted(companies, key=lambda one: watched.slugs[one])
        ),
        reproduction=Reproduction(
            spillwatch=version("spillwatch"),
            python=platform.python_version(),
            numpy=version("numpy"),
            normalisers={str(field): number for field, number in sorted(NORMALISERS.items())},
            templates=TEMPLATES_VERSION,
            command=command,
            max_bytes=options.limits.out_bytes,
        ),
    )
    return Investigated(answer, findings, progress, lists)


@dataclass(slots=True)
class _Answering:
    """Answers for one company after another. Rows and tables are read once, when they are needed."""

    opened: OpenSubject
    watched: InvestigatedWatch
    lists: WatchedLists
    findings: Findings
    limits: Limits
    _rows: dict[str, ReadRows] = field(default_factory=dict)
    _tables: list[LeakTable] | None = None

    def company_answer(self, company: int) -> CompanyAnswer:
        slug = self.watched.slugs[company]
        error = self.watched.unusable.get(slug)
        full = full_matches(self.findings, company)
        read, hits = self._read(company)
        canaries = self.lists.numbers[company, SegmentPurpose.CANARIES]
        found = self.findings.companies.get(canaries)
        return CompanyAnswer(
            company=slug,
            name=self.watched.names.get(slug, slug),
            segments=tuple(
                SegmentUsed.of(one) for one in self.watched.watch.segments if one.company_id == company
            ),
            unusable=None if error is None else error.reason,
            full=full,
            ours=self._ours(company, read, hits, unusable=error is not None),
            attribution=attributed(
                self.findings,
                self.lists,
                company,
                full,
                rows=[row for row in read.rows if row.number not in hits or not hits[row.number].found],
                tables=self._read_tables(),
            ),
            canaries=seen_canaries(
                self.lists.watch.segments,
                self.lists.segments(company, SegmentPurpose.CANARIES),
                CanarySightings() if found is None else found.canaries,
                self._masked_canaries(company, read),
            ),
        )

    def _read(self, company: int) -> tuple[ReadRows, Mapping[int, FullHit]]:
        """Return the rows as the company's region reads them, with the hits of their whole values."""
        customers = self.lists.segments(company, SegmentPurpose.CUSTOMERS)
        if not customers:
            return ReadRows(), {}
        region = customers[0].region
        if region not in self._rows:
            self._rows[region] = read_rows(self.opened, self.limits, region)
        return self._rows[region], whole_value_hits(self._rows[region].rows, customers, region)

    def _read_tables(self) -> list[LeakTable]:
        if self._tables is None:
            self._tables = leak_tables(self.opened, self.limits)
        return self._tables

    def _masked_canaries(self, company: int, read: ReadRows) -> list[CanaryRecord]:
        """Return the sets of canaries that masked rows are consistent with."""
        customers = self.lists.segments(company, SegmentPurpose.CUSTOMERS)
        bases = tuple(canary_bases(self.lists.segments(company, SegmentPurpose.CANARIES)))
        shown = [place for place, row in enumerate(read.rows) if row.is_masked]
        if not customers or not bases or not shown:
            return []
        try:
            base = MaskedBase.of([(chain_of(one.segment), one.key) for one in customers])
        except SegmentRefused:
            return []
        masks = MaskedCompany(customers[0].region, customers, base, bases)
        rows = [read.rows[place] for place in shown]
        return list(masked_canaries(rows, [read.places[place] for place in shown], masks))

    def _ours(
        self, company: int, read: ReadRows, hits: Mapping[int, FullHit], *, unusable: bool
    ) -> OursPart | NotAnswered:
        """Judge the rows, or say why they are not judged."""
        customers = self.lists.segments(company, SegmentPurpose.CUSTOMERS)
        if unusable:
            return NotAnswered(WhyMissing.SEGMENT_UNUSABLE)
        if not customers:
            return NotAnswered(WhyMissing.NO_SEGMENT)
        if not read.rows:
            return NotAnswered(WhyMissing.NO_ROWS)
        try:
            base = MaskedBase.of([(chain_of(one.segment), one.key) for one in customers])
        except MasksMissing:
            return NotAnswered(WhyMissing.NO_MASKS_ENROLLED)
        except SegmentRefused:
            return NotAnswered(WhyMissing.MASKS_OTHER)
        return ours_part(read.rows, base, hits, is_cut=read.is_cut, ambiguous=read.ambiguous)


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
