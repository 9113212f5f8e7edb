"""Figures over time, of what a person may see. Each question reads a bounded part of an index.

Findings are those of the last WEEKS weeks, listings those first seen in the last DAYS days. If there are more
than are read, the newest ones are, and the answer says since when.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, Severity
from storage.listing_tables import Listing
from storage.matches import MatchSummary
from storage.runs import READ, Run, RunState
from storage.sources import Source, SourceHealth
from storage.visible.findings import Waiting, waiting_between
from storage.visible.sources import WORST_FIRST, listing_counts
from storage.visible.visibility import Visibility

WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
WEEKS = 26
WAITING_WEEKS = 12
DAYS = 14
COVERED_DAYS = 7
FINDINGS_READ = 100_000
LISTINGS_READ = 20_000
SOURCES = 8  # with a name of their own in the figures of listings
WORST = 15  # sources in the figures of coverage
RUNS_READ = 400  # of one source, the newest ones


@dataclass(frozen=True, slots=True)
class FindingFigures:
    """`weeks`: (begin, number by severity), oldest first; `verdicts`: by slug, None for no verdict."""

    weeks: Sequence[tuple[datetime, Mapping[Severity, int]]]
    verdicts: Sequence[tuple[str | None, int]]
    total: int


def finding_figures(session: Session, view: Visibility, *, now: datetime) -> FindingFigures:
    """Count the findings that were opened in each of the last WEEKS weeks, up to now."""
    begins = [now - WEEK * (WEEKS - number) for number in range(WEEKS)]
    some = select(Alert.opened_at, Alert.severity, Alert.verdict).where(
        Alert.opened_at >= begins[0], Alert.kind == AlertKind.FINDING, view.of(Alert.company_id)
    )
    read = some.order_by(Alert.opened_at.desc()).limit(FINDINGS_READ).subquery()
    week = case(
        *((read.c.opened_at < begin, literal(number)) for number, begin in enumerate(begins[1:])),
        else_=literal(WEEKS - 1),
    )
    query = select(week, read.c.severity, read.c.verdict, func.count())
    weeks: list[Counter[Severity]] = [Counter() for _ in begins]
    verdicts: Counter[str | None] = Counter()
    for number, severity, verdict, count in session.execute(
        query.group_by(week, read.c.severity, read.c.verdict)
    ):
        weeks[number][severity] += count
        verdicts[verdict] += count
    return FindingFigures(
        list(zip(begins, weeks, strict=True)), verdicts.most_common(), sum(verdicts.values())
    )


def waiting_figures(
    session: Session, view: Visibility, *, now: datetime
) -> Sequence[tuple[datetime, Waiting]]:
    """Measure how long the findings of each of the last WAITING_WEEKS weeks waited for a person."""
    begins = [now - WEEK * (WAITING_WEEKS - number) for number in range(WAITING_WEEKS)]
    return [
        (begin, waiting_between(session, view, since=begin, until=begin + WEEK, now=now)) for begin in begins
    ]


@dataclass(frozen=True, slots=True)
class SourceShare:
    """The ended runs of a source in the last COVERED_DAYS days, the newest RUNS_READ of them at most.

    `listings`: those that may be seen, counted up to a bound.
    """

    source: str
    health: SourceHealth
    runs: int
    read: int
    listings: int

    @property
    def share(self) -> float:
        return self.read / self.runs if self.runs else 0.0


def coverage_figures(session: Session, view: Visibility, *, now: datetime) -> Sequence[SourceShare]:
    """Return the WORST sources in worst health, and which part of their runs read what they showed."""
    steps = [(Source.health == health, literal(number)) for number, health in enumerate(WORST_FIRST)]
    rank = case(*steps, (Source.behind_since.is_not(None), literal(90)), else_=literal(99))
    worst = select(Source.id, Source.name, Source.health)
    worst = worst.where(Source.enabled, Source.removed_at.is_(None)).order_by(rank, Source.name).limit(WORST)
    rows = session.execute(worst).all()
    listings = listing_counts(session, view, [row[0] for row in rows])
    found = []
    for source_id, name, health in rows:
        ended = select(Run.outcome).where(
            Run.source_id == source_id,
            Run.state == RunState.FINISHED,
            Run.finished_at >= now - DAY * COVERED_DAYS,
        )
        outcomes = session.scalars(ended.order_by(Run.finished_at.desc()).limit(RUNS_READ)).all()
        found.append(
            SourceShare(
                name,
                health,
                len(outcomes),
                sum(each in READ for each in outcomes),
                listings.get(source_id, 0),
            )
        )
    return sorted(found, key=lambda each: (each.share, each.source))


@dataclass(frozen=True, slots=True)
class ListingFigures:
    """`days`: (begin, number by name of a source; None: all others), oldest first. `since`: the first moment
    that was read, if there were more than LISTINGS_READ.
    """

    days: Sequence[tuple[datetime, Mapping[str | None, int]]]
    sources: Sequence[str]
    others: bool
    total: int
    since: datetime | None


def listing_figures(session: Session, view: Visibility, *, now: datetime) -> ListingFigures:
    """Count the listings that were first seen in each of the last DAYS days, by source."""
    begins = [now - DAY * (DAYS - number) for number in range(DAYS)]
    some = select(Listing.source_id, Listing.first_seen_at).where(Listing.first_seen_at >= begins[0])
    if view.companies is not None:
        named = select(MatchSummary.listing_id).where(view.of(MatchSummary.company_id))
        some = some.where(Listing.id.in_(named))
    rows = session.execute(some.order_by(Listing.first_seen_at.desc()).limit(LISTINGS_READ)).all()
    common = [each for each, _ in Counter(row[0] for row in rows).most_common(SOURCES)]
    query = select(Source.id, Source.name).where(Source.id.in_(common))
    names = {row[0]: row[1] for row in session.execute(query)}
    days: list[Counter[str | None]] = [Counter() for _ in begins]
    for source_id, at in rows:
        days[min(DAYS - 1, max(0, (at - begins[0]) // DAY))][names.get(source_id)] += 1
    return ListingFigures(
        list(zip(begins, days, strict=True)),
        [names[each] for each in common if each in names],
        any(None in day for day in days),
        len(rows),
        rows[-1][1] if len(rows) == LISTINGS_READ else None,
    )
