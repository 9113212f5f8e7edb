"""What was covered, so that "no hit" says of what: the sources, the gaps, and what was compared."""

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

#: A visit may take a while; what is late by less is no gap.
PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Gap:
    """From one visit that read what there was to the next, where one or more between them were due."""

    begin: datetime
    end: datetime

    @property
    def hours(self) -> float:
        return (self.end - self.begin) / timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """One source since a moment; `gaps` None: it has no schedule that could be held against it."""

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
        """Whether nothing is known to be missing."""
        return self.gaps == [] and not self.pages_unread

    def as_dict(self) -> dict[str, object]:
        gaps = None
        if self.gaps is not None:
            gaps = [{**asdict(gap), "hours": round(gap.hours, 2)} for gap in self.gaps]
        hours = round(self.hours_unseen, 2)
        return {**asdict(self), "gaps": gaps, "hours_unseen": hours, "whole": self.whole}


@dataclass(frozen=True, slots=True)
class CompanyCoverage:
    """What listings are compared with for one company."""

    company: str
    terms: int
    customers: int
    comparable: bool
    why_not: str | None


def source_coverage(session: Session, source: Source, *, since: datetime, now: datetime) -> SourceCoverage:
    """Read one source's rows."""
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
    """Whether a visit after the next one was due in between: the next may still have gone on."""
    due = slots.after(begin)
    second = slots.after(due) if due is not None else None
    return second is not None and second + PATIENCE < end


def company_coverage(
    session: Session, settings: MatchingSettings, *, only: str | None = None
) -> Iterator[CompanyCoverage]:
    """The active companies, or the one; its segments are opened, as the matching does."""
    rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    _, unusable = watched_segments(rows, settings, {row.company.slug: row.company_id for row in rows})
    terms = Counter(term.company_id for term in companies.active_terms(session))
    for company in companies.active_companies(session):
        if only in (None, company.slug):
            mine = [row for row in rows if row.company_id == company.id]
            why = _reason_not_comparable(company, bool(mine), unusable.get(company.id))
            yield CompanyCoverage(
                company.slug, terms[company.id], sum(row.customers for row in mine), why is None, why
            )


def _reason_not_comparable(company: Company, enrolled: bool, error: Exception | None) -> str | None:
    if error is not None:
        return str(error)
    return None if enrolled else f"No customer of {company.slug} is enrolled."


def coverage_summary(
    found: Sequence[SourceCoverage], against: Sequence[CompanyCoverage], *, since: datetime
) -> str:
    """What may be concluded, in the words of somebody who has to answer for it."""
    return " ".join(_summary_sentences(found, against, since))


def _summary_sentences(
    found: Sequence[SourceCoverage], against: Sequence[CompanyCoverage], since: datetime
) -> Iterator[str]:
    watched = [each for each in found if each.enabled]
    if not watched:
        yield "No source is watched, so nothing follows from finding nothing."
        return
    whole = sum(each.whole for each in watched)
    visits = sum(each.runs for each in found)
    yield (
        f"Since {since:%Y-%m-%d %H:%M} UTC, {whole} of {len(watched)} sources were read without a gap, "
        f"in {visits:,} visits to all."
    )
    for each in watched:
        if not each.whole:
            yield _incomplete_sentence(each)
    counts = Counter[str]()
    for each in found:
        counts.update(each.versions)
    yield (
        f"{counts[MatchState.MATCHED]:,} versions of listings were matched, "
        f"{counts[MatchState.PENDING]:,} wait, {counts[MatchState.FAILED]:,} could not be."
    )
    for company in against:
        looked = f"{company.company}: looked for {_counted(company.terms, 'term')}"
        if company.comparable:
            yield f"{looked} and {_counted(company.customers, 'customer')}."
        else:
            yield f"{looked}, and for no customer: {company.why_not}"


def _incomplete_sentence(each: SourceCoverage) -> str:
    """Why a source is not whole."""
    if each.gaps is None:
        return f"{each.name} has no schedule that can be read."
    lacks = []
    if each.gaps:
        hours = f"{each.hours_unseen:,.1f} hours in {_counted(len(each.gaps), 'gap')}"
        lacks.append(f"was not read for {hours} ({each.health.replace('_', ' ')} now)")
    if each.pages_unread:
        lacks.append(f"has {_counted(each.pages_unread, 'page')} unread")
    return f"{each.name} {' and '.join(lacks)}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def all_source_coverage(session: Session, *, since: datetime, now: datetime) -> list[SourceCoverage]:
    """Every source that is there, by name."""
    return [source_coverage(session, source, since=since, now=now) for source in sources.all_sources(session)]
