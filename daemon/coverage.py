"""What was covered in a period: sources that were read, gaps, and what listings were compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crawler.errors import ScheduleRefused
from crawler.progress.list_progress import GIVEN_UP, ORDER_UNKNOWN
from crawler.scheduling.source_slots import SourceSlots, slots_of
from matching.settings import MatchingSettings
from matching.watch_loader import watched_segments
from storage import companies, coverage, sources
from storage.companies import Company
from storage.coverage import COUNTED, FinishedRun, LastReading, NewestListingTimes
from storage.listings import MatchState
from storage.retention.policy import RetentionKind
from storage.retention.preview import days_of
from storage.settings import RetentionSettings
from storage.sources import Source

#: A run is queued within this time of its slot.
QUEUED_WITHIN = timedelta(minutes=1)
#: In the counts of versions: their evidence could not be read at the last rematch.
UNREAD = "unread"
SHORTEST_SAID_H = 0.05
#: Reasons of a run that read the source which leave nothing out. Any other one does.
NOTHING_LEFT_OUT = frozenset({"cookies_expired", "cookies_expiring"})


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two runs that read a source, if a scheduled visit between them did not read it."""

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
    #: Before this time, retention has deleted runs, so that nothing is said about it; None: it has not.
    runs_kept_since: datetime | None
    runs: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    pages: int
    pages_unread: int
    #: Runs that read the source and left something out, by their reason.
    left_out: dict[str, int]
    gaps: list[Gap] | None
    #: Whether its lists may show new listings behind their first known page, which takes several visits.
    order_unknown: bool
    given_up: int  # lists that did not end within `depth` pages
    newest_listing: datetime | None
    newest_posted: datetime | None
    versions: dict[str, int]
    #: Whether it has more versions than are counted.
    more_versions: bool

    @property
    def hours_unseen(self) -> float:
        return sum(gap.hours for gap in self.gaps or ())

    @property
    def whole(self) -> bool:
        """Whether each scheduled visit read the source, nothing was left out, and no page is unread."""
        return self.gaps == [] and not (self.pages_unread or self.left_out or self.given_up)

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


@dataclass(frozen=True, slots=True)
class _Statistics:
    """What is read of the sources, for all of them at once, by source."""

    visits: Mapping[int, Sequence[FinishedRun]]
    readings_before: Mapping[int, LastReading]
    with_open_run: Collection[int]
    newest: Mapping[int, NewestListingTimes]
    versions: Mapping[int, Mapping[MatchState, int]]
    unread: Mapping[int, int]
    runs_kept: Mapping[int, datetime]

    @classmethod
    def read(
        cls, session: Session, *, since: datetime, now: datetime, source_id: int | None = None
    ) -> _Statistics:
        return cls(
            visits=coverage.finished_runs(session, since=since, source_id=source_id),
            readings_before=coverage.last_readings_before(session, since, source_id=source_id),
            with_open_run=coverage.sources_with_open_run(session),
            newest=coverage.newest_listing_times(session, now=now, source_id=source_id),
            versions=coverage.versions_by_match_state(session, since=since, source_id=source_id),
            unread=coverage.unread_versions(session, since=since, source_id=source_id),
            runs_kept=coverage.newest_runs_kept(session, source_id=source_id),
        )


def source_coverage(
    session: Session,
    source: Source,
    *,
    since: datetime,
    now: datetime,
    retention: RetentionSettings | None = None,
) -> SourceCoverage:
    """Return the coverage of one source from its rows, from `since` or its first declaration on.

    Where retention has deleted runs in between, it begins after them.
    """
    found = _Statistics.read(session, since=since, now=now, source_id=source.id)
    return _coverage_of(source, found, since=since, now=now, retention=retention)


def all_source_coverage(
    session: Session, *, since: datetime, now: datetime, retention: RetentionSettings | None = None
) -> list[SourceCoverage]:
    """Return the coverage of every source, by name."""
    found = _Statistics.read(session, since=since, now=now)
    return [
        _coverage_of(source, found, since=since, now=now, retention=retention)
        for source in sources.all_sources(session)
    ]


def _coverage_of(
    source: Source,
    found: _Statistics,
    *,
    since: datetime,
    now: datetime,
    retention: RetentionSettings | None,
) -> SourceCoverage:
    begin = max(since, source.created_at)
    kept = _runs_kept_since(source, found, retention, now=now)
    kept = kept if kept is not None and kept > begin else None
    begin = kept or begin
    before = found.readings_before.get(source.id) if kept is None else None
    visits = [visit for visit in found.visits.get(source.id, ()) if visit.finished_at >= begin]
    fresh = found.newest[source.id]
    unread = next((visit.pages_unread for visit in reversed(visits) if visit.read), None)
    return SourceCoverage(
        name=source.name,
        enabled=source.enabled,
        health=source.health,
        watched_since=begin,
        runs_kept_since=kept,
        runs=len(visits),
        outcomes=dict(Counter(visit.outcome.value for visit in visits)),
        reasons=dict(Counter(visit.reason for visit in visits if visit.reason)),
        pages=sum(visit.pages for visit in visits),
        pages_unread=unread or 0,
        left_out=dict(Counter(reason for visit in visits if (reason := _reason_left_out(visit)))),
        gaps=_find_gaps(source, visits, before, begin, now, waits=source.id in found.with_open_run),
        order_unknown=bool(source.cursor.get(ORDER_UNKNOWN)),
        given_up=len(source.cursor.get(GIVEN_UP) or ()),
        newest_listing=fresh.first_seen,
        newest_posted=fresh.posted,
        versions={
            **{state.value: count for state, count in found.versions[source.id].items()},
            UNREAD: found.unread.get(source.id, 0),
        },
        more_versions=sum(found.versions[source.id].values()) >= COUNTED,
    )


def _reason_left_out(visit: FinishedRun) -> str | None:
    """Return why a run that read the source left something out; None: it read everything."""
    return visit.reason if visit.read and visit.reason not in NOTHING_LEFT_OUT else None


def _runs_kept_since(
    source: Source, found: _Statistics, retention: RetentionSettings | None, *, now: datetime
) -> datetime | None:
    """Return from when on all runs of a source are kept; None: retention has deleted none."""
    days = 0 if retention is None else days_of(retention, RetentionKind.RUNS, source.name)
    newest = found.runs_kept.get(source.id)
    return min(now - timedelta(days=days), newest) if days and newest is not None else None


def _find_gaps(
    source: Source,
    visits: Sequence[FinishedRun],
    before: LastReading | None,
    begin: datetime,
    now: datetime,
    *,
    waits: bool,
) -> list[Gap] | None:
    """Return the gaps since `begin`; the last reading before it counts as the one before the first.

    `waits`: the next run is queued or in progress.
    """
    if not source.enabled:
        return None
    try:
        slots = slots_of(source)
    except ScheduleRefused:
        return None
    failed = [visit.finished_at for visit in visits if visit.scheduled and not visit.read]
    gaps = []
    # Time of the last reading's end, and from when on the next visit is due.
    ended, due_from = (before.finished_at, before.started_at) if before is not None else (begin, begin)
    for visit in (visit for visit in visits if visit.read):
        did_fail = any(ended < at <= visit.finished_at for at in failed)
        if did_fail or _is_late(slots, due_from, visit.started_at):
            gaps.append(Gap(max(ended, begin), visit.finished_at))
        ended, due_from = visit.finished_at, visit.started_at
    due = slots.after(due_from)
    overdue = due is not None and not waits and due + QUEUED_WITHIN < now
    if overdue or any(at > ended for at in failed) or _is_late(slots, due_from, now):
        gaps.append(Gap(max(ended, begin), now))
    return gaps


def _is_late(slots: SourceSlots, due_from: datetime, started: datetime) -> bool:
    """Return whether the visit that was due after `due_from` began only when the next one was due too."""
    due = slots.after(due_from)
    second = slots.after(due) if due is not None else None
    return second is not None and second <= started


def company_coverage(
    session: Session, settings: MatchingSettings, *, only: str | None = None
) -> Iterator[CompanyCoverage]:
    """Yield the coverage of each active company, or of one. Opens the segments as matching does."""
    rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    _, unusable = watched_segments(rows, settings, {row.company.slug: row.company_id for row in rows})
    terms = Counter(term.company_id for term in companies.active_terms(session))
    for company in companies.active_companies(session):
        if only in (None, company.slug):
            own = (row for row in rows if row.company_id == company.id)
            own_rows = [row for row in own if row.purpose == companies.CUSTOMERS]
            why = _reason_not_comparable(company, bool(own_rows), unusable.get(company.id))
            yield CompanyCoverage(
                company.slug,
                terms[company.id],
                sum(row.customers for row in own_rows if row.purpose == companies.CUSTOMERS),
                why is None,
                why,
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
        f"Since {since:%Y-%m-%d %H:%M} UTC, {whole} of {len(watched)} sources were read at every scheduled "
        f"visit with nothing left out, in {visits:,} runs of all sources."
    )
    for each in watched:
        if each.runs_kept_since is not None:
            yield (
                f"Runs of {each.name} before {each.runs_kept_since:%Y-%m-%d %H:%M} UTC are no longer kept, "
                "so nothing is said about the time before."
            )
        elif each.watched_since > since:
            yield f"{each.name} was added {each.watched_since:%Y-%m-%d %H:%M} UTC."
        if not each.whole:
            yield _incomplete_sentence(each)
        if each.order_unknown:
            yield (
                f"The lists of {each.name} may not show the newest first: a new listing behind the first "
                "page is seen within some visits, when the page that holds it is read again."
            )
    if off := [each.name for each in found if not each.enabled]:
        yield f"Not watched now: {', '.join(off)}."
    counts = Counter[str]()
    for each in found:
        counts.update(each.versions)
    waiting = counts[MatchState.PENDING] + counts[MatchState.UNSEALED]
    more = "More than " * any(each.more_versions for each in found)
    yield (
        f"{more}{counts[MatchState.MATCHED]:,} versions of listings were matched, {waiting:,} are waiting, "
        f"and {counts[MatchState.FAILED]:,} could not be matched."
    )
    if unread := counts[UNREAD]:
        yield (
            f"The evidence of {_counted(unread, 'version')} was missing or damaged at the last rematch, so "
            "terms and customers added since then were not searched for in their full text."
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
        hours = f"{each.hours_unseen:,.1f}" if each.hours_unseen >= SHORTEST_SAID_H else "less than 0.1"
        gaps = _counted(len(each.gaps), "gap")
        missing.append(
            f"was not read for {hours} hours in {gaps} (health now: {each.health.replace('_', ' ')})"
        )
    if each.pages_unread:
        missing.append(f"has {_counted(each.pages_unread, 'page')} unread")
    if each.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(each.left_out.items()))
        missing.append(f"left something out in {_counted(sum(each.left_out.values()), 'run')} ({reasons})")
    if each.given_up:
        lists = _counted(each.given_up, "list")
        missing.append(f"has {lists} longer than `depth` (further pages are not read)")
    return f"{each.name} {_listed(missing)}."


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
