"""What was covered in a period: sources that were read, gaps, and what listings were compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy.orm import Session

from crawler.errors import ScheduleRefused
from crawler.scheduling.source_slots import SourceSlots, slots_of
from matching.settings import MatchingSettings
from matching.watch_loader import watched_segments
from storage import companies, coverage, sources
from storage.companies import Company
from storage.listings import MatchState
from storage.sources import Source

#: A run that is late by less than this leaves no gap: runs take time.
PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two successful runs of a source, if a run between them was due and is missing."""

    begin: datetime
    end: datetime

    @property
    def hours(self) -> float:
        return (self.end - self.begin) / timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """One source in a period. `gaps` is None if the source is disabled or its schedule cannot be read."""

    name: str
    enabled: bool
    health: str
    watched_since: datetime
    runs: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    pages: int
    pages_unread: int
    gaps: list[Gap] | None
    newest_listing: datetime | None
    newest_posted: datetime | None
    versions: dict[str, int]

    @property
    def hours_unseen(self) -> float:
        return sum(gap.hours for gap in self.gaps or ())

    @property
    def whole(self) -> bool:
        """Whether the source was read without a gap and no page is left unread."""
        return self.gaps == [] and not self.pages_unread

    def as_dict(self) -> dict[str, object]:
        gaps = None
        if self.gaps is not None:
            gaps = [{**asdict(gap), "hours": round(gap.hours, 2)} for gap in self.gaps]
        hours = round(self.hours_unseen, 2)
        return {**asdict(self), "gaps": gaps, "hours_unseen": hours, "whole": self.whole}


@dataclass(frozen=True, slots=True)
class CompanyCoverage:
    """What listings are compared with for one company. `why_not` says why no customer can be found."""

    company: str
    terms: int
    customers: int
    comparable: bool
    why_not: str | None


def source_coverage(session: Session, source: Source, *, since: datetime, now: datetime) -> SourceCoverage:
    """Return the coverage of one source from its rows, from `since` or its first declaration on."""
    begin = max(since, source.created_at)
    visits = coverage.finished_runs(session, source.id, since=begin)
    fresh = coverage.newest_listing_times(session, source.id, now=now)
    versions = coverage.versions_by_match_state(session, source.id, since=begin)
    unread = next((visit.pages_unread for visit in reversed(visits) if visit.read), None)
    return SourceCoverage(
        name=source.name,
        enabled=source.enabled,
        health=source.health,
        watched_since=begin,
        runs=len(visits),
        outcomes=dict(Counter(visit.outcome.value for visit in visits)),
        reasons=dict(Counter(visit.reason for visit in visits if visit.reason)),
        pages=sum(visit.pages for visit in visits),
        pages_unread=unread or 0,
        gaps=_find_gaps(source, [visit.finished_at for visit in visits if visit.read], begin, now),
        newest_listing=fresh.first_seen,
        newest_posted=fresh.posted,
        versions={state.value: count for state, count in versions.items()},
    )


def _find_gaps(source: Source, read: Sequence[datetime], begin: datetime, now: datetime) -> list[Gap] | None:
    if not source.enabled:
        return None
    try:
        slots = slots_of(source)
    except ScheduleRefused:
        return None
    return [Gap(*pair) for pair in pairwise([begin, *read, now]) if _visit_missed(slots, *pair)]


def _visit_missed(slots: SourceSlots, begin: datetime, end: datetime) -> bool:
    """Return whether a run is missing between two successful runs.

    The first one that was due may have failed or may still be running; only if a second one was due too and
    is overdue, a run is missing.
    """
    due = slots.after(begin)
    second = slots.after(due) if due is not None else None
    return second is not None and second + PATIENCE < end


def company_coverage(
    session: Session, settings: MatchingSettings, *, only: str | None = None
) -> Iterator[CompanyCoverage]:
    """Yield the coverage of each active company, or of one. Opens the segments as matching does."""
    rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    _, unusable = watched_segments(rows, settings, {row.company.slug: row.company_id for row in rows})
    terms = Counter(term.company_id for term in companies.active_terms(session))
    for company in companies.active_companies(session):
        if only in (None, company.slug):
            own_rows = [row for row in rows if row.company_id == company.id]
            why = _reason_not_comparable(company, bool(own_rows), unusable.get(company.id))
            yield CompanyCoverage(
                company.slug, terms[company.id], sum(row.customers for row in own_rows), why is None, why
            )


def _reason_not_comparable(company: Company, enrolled: bool, error: Exception | None) -> str | None:
    if error is not None:
        return str(error)
    return None if enrolled else f"no customer of {company.slug} is enrolled"


def coverage_summary(
    found: Sequence[SourceCoverage], against: Sequence[CompanyCoverage], *, since: datetime
) -> str:
    """Return the result as sentences that can be quoted in a report."""
    return " ".join(_summary_sentences(found, against, since))


def _summary_sentences(
    found: Sequence[SourceCoverage], against: Sequence[CompanyCoverage], since: datetime
) -> Iterator[str]:
    watched = [each for each in found if each.enabled]
    if not watched:
        yield "No source is watched, so finding nothing means nothing."
        return
    whole = sum(each.whole for each in watched)
    visits = sum(each.runs for each in found)
    yield (
        f"Since {since:%Y-%m-%d %H:%M} UTC, {whole} of {len(watched)} sources were read without a gap, "
        f"in {visits:,} runs of all sources."
    )
    for each in watched:
        if not each.whole:
            yield _incomplete_sentence(each)
    counts = Counter[str]()
    for each in found:
        counts.update(each.versions)
    yield (
        f"{counts[MatchState.MATCHED]:,} versions of listings were matched, "
        f"{counts[MatchState.PENDING]:,} are waiting, and {counts[MatchState.FAILED]:,} could not be matched."
    )
    for company in against:
        searched = f"{company.company}: searched for {_counted(company.terms, 'term')}"
        if company.comparable:
            yield f"{searched} and {_counted(company.customers, 'customer')}."
        else:
            yield f"{searched}, but for no customer: {company.why_not}."


def _incomplete_sentence(each: SourceCoverage) -> str:
    """Say what is missing in a source's coverage."""
    if each.gaps is None:
        return f"The schedule of {each.name} cannot be read."
    missing = []
    if each.gaps:
        hours = f"{each.hours_unseen:,.1f} hours in {_counted(len(each.gaps), 'gap')}"
        missing.append(f"was not read for {hours} (health now: {each.health.replace('_', ' ')})")
    if each.pages_unread:
        missing.append(f"has {_counted(each.pages_unread, 'page')} unread")
    return f"{each.name} {' and '.join(missing)}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def all_source_coverage(session: Session, *, since: datetime, now: datetime) -> list[SourceCoverage]:
    """Return the coverage of every source, by name."""
    return [source_coverage(session, source, since=since, now=now) for source in sources.all_sources(session)]
