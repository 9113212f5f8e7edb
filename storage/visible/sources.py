"""The sources, which everybody who is signed in may see.

Not so what they brought: listings and their number are those that the person may see, and stored pages, which
show listings of everybody, are shown to people of the whole installation only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select, text
from sqlalchemy.orm import Session, aliased

from storage.captures import Capture
from storage.listing_tables import Listing, ListingVersion
from storage.matches import MatchSummary
from storage.runs import OPEN_RUNS, READ, Run, RunState
from storage.sources import Source, SourceChange, SourceHealth
from storage.visible.visibility import Visibility

#: Listings of one source that are counted at most; a larger number is shown as "more than".
COUNTED = 1_000
#: The newest listings of a person's companies, among which those of each source are counted.
NEWEST_COUNTED = 3_000
#: Sources in a page of the table.
ROWS = 100
#: The worst first. A source that is disabled comes last, whatever its health was.
WORST_FIRST = (
    SourceHealth.FAILING,
    SourceHealth.WALL,
    SourceHealth.REFUSED,
    SourceHealth.COULD_NOT_FETCH,
    SourceHealth.PAGE_NOT_RECOGNISED,
    SourceHealth.PARSER_DEGRADED,
    SourceHealth.FLAPPING,
)
BEHIND = "behind"
DISABLED = "disabled"
_BEHIND_RANK = len(WORST_FIRST)
_DISABLED_RANK = 90
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source with its newest run that read it; `listings` are counted up to COUNTED."""

    source: Source
    rank: int
    last_success: datetime | None
    pages_unread: int | None
    is_open: bool  # a run is queued or in progress
    listings: int

    @property
    def cursor(self) -> str:
        """What the next page of the table begins after."""
        return f"{self.rank}~{self.source.name}"


def _rank() -> ColumnElement[int]:
    steps = [(Source.health == health, literal(number)) for number, health in enumerate(WORST_FIRST)]
    return case(
        (Source.enabled.is_(False), literal(_DISABLED_RANK)),
        *steps,
        (Source.behind_since.is_not(None), literal(_BEHIND_RANK)),
        (Source.health == SourceHealth.UNKNOWN, literal(_BEHIND_RANK + 1)),
        else_=literal(_BEHIND_RANK + 2),
    )


def state_counts(session: Session, view: Visibility) -> Mapping[str, int]:
    """Return the number of sources by health, and of those that are behind or disabled."""
    present = Source.removed_at.is_(None)
    query = select(Source.health, Source.enabled, Source.behind_since.is_not(None), func.count())
    found: dict[str, int] = {}
    for health, enabled, behind, count in session.execute(
        query.where(present).group_by(Source.health, Source.enabled, Source.behind_since.is_not(None))
    ):
        names = [health.value if enabled else DISABLED, *([BEHIND] if behind and enabled else [])]
        for name in names:
            found[name] = found.get(name, 0) + count
    return found


def sources_worst_first(
    session: Session,
    view: Visibility,
    *,
    state: str | None = None,
    words: str = "",
    after: str | None = None,
    limit: int = ROWS,
) -> Sequence[SourceRow]:
    """Return sources, the worst first. `state`: a health, `behind` or `disabled`; `words`: a part of the name
    or of an address; `after`: the cursor of the row before.
    """
    rank, last = _rank(), aliased(Run)
    query = _with_last_reading(select(Source, rank, last.finished_at, last.pages_unread, _is_open()), last)
    query = query.where(Source.removed_at.is_(None), *_conditions(state, words))
    if after is not None:
        number, _, name = after.partition("~")
        at = int(number) if number.isdecimal() and len(number) < 4 else 0
        query = query.where(or_(rank > at, and_(rank == at, Source.name > name)))
    rows = session.execute(query.order_by(rank, Source.name).limit(limit)).all()
    counts = listing_counts(session, view, [row[0].id for row in rows])
    return [
        SourceRow(source, number, read_at, unread, is_open, counts.get(source.id, 0))
        for source, number, read_at, unread, is_open in rows
    ]


def _with_last_reading(query: Select[*Columns], last: type[Run]) -> Select[*Columns]:
    newest = select(Run.id).where(Run.source_id == Source.id, Run.outcome.in_(READ))
    newest = newest.order_by(Run.finished_at.desc()).limit(1).correlate(Source)
    return query.outerjoin(last, last.id == newest.scalar_subquery())


def _is_open() -> ColumnElement[bool]:
    return exists(select(Run.id).where(Run.source_id == Source.id, text(OPEN_RUNS)).correlate(Source))


def _conditions(state: str | None, words: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if state == DISABLED:
        found.append(Source.enabled.is_(False))
    elif state == BEHIND:
        found += [Source.enabled.is_(True), Source.behind_since.is_not(None)]
    elif state in tuple(SourceHealth):
        found += [Source.enabled.is_(True), Source.health == SourceHealth(state)]
    if words:
        address = Source.definition["start"].as_string()
        lower = words.lower()
        found.append(
            or_(
                func.lower(Source.name).contains(lower, autoescape=True),
                func.lower(address).contains(lower, autoescape=True),
            )
        )
    return found


def listing_counts(session: Session, view: Visibility, source_ids: Sequence[int]) -> Mapping[int, int]:
    """Return the number of listings that may be seen, by source.

    At most COUNTED of each are counted; for people of single companies, those among the NEWEST_COUNTED.
    """
    if not source_ids:
        return {}
    if view.companies is None:
        some = select(literal(1)).where(Listing.source_id == Source.id).limit(COUNTED + 1).correlate(Source)
        counted = select(func.count()).select_from(some.subquery()).scalar_subquery()
        query = select(Source.id, counted).where(Source.id.in_(source_ids))
    else:
        newest = select(MatchSummary.listing_id).where(view.of(MatchSummary.company_id)).distinct()
        named = newest.order_by(MatchSummary.listing_id.desc()).limit(NEWEST_COUNTED).subquery()
        query = select(Listing.source_id, func.count()).join(named, named.c.listing_id == Listing.id)
        query = query.where(Listing.source_id.in_(source_ids)).group_by(Listing.source_id)
    return {row[0]: row[1] for row in session.execute(query)}


def source_named(session: Session, view: Visibility, name: str, *, lock: bool = False) -> Source | None:
    """Return a source that is not removed; None: there is none of that name. `lock`: for a change."""
    query = select(Source).where(Source.name == name, Source.removed_at.is_(None))
    return session.scalar(query.with_for_update() if lock else query)


def is_name_taken(session: Session, view: Visibility, name: str) -> bool:
    """Return whether a source has this name or had it: its listings are kept."""
    return session.scalar(select(Source.id).where(Source.name == name)) is not None


def newest_runs(session: Session, view: Visibility, source_id: int, *, limit: int = 25) -> Sequence[Run]:
    """Return the runs of a source, the newest first, those that have not ended before the others."""
    ended = select(Run).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    waiting = select(Run).where(Run.source_id == source_id, text(OPEN_RUNS))
    newest = session.scalars(ended.order_by(Run.finished_at.desc(), Run.id.desc()).limit(limit)).all()
    return [*session.scalars(waiting.limit(2)), *newest]


def health_changes(
    session: Session, view: Visibility, source_id: int, *, limit: int = 20
) -> Sequence[SourceChange]:
    """Return the newest changes of a source's health, the newest first."""
    query = select(SourceChange).where(SourceChange.source_id == source_id)
    return session.scalars(query.order_by(SourceChange.at.desc(), SourceChange.id.desc()).limit(limit)).all()


def newest_pages(session: Session, view: Visibility, source_id: int, *, limit: int = 20) -> Sequence[Capture]:
    """Return the newest stored responses of a source; empty for people of single companies."""
    if view.companies is not None:
        return []
    query = select(Capture).where(Capture.source_id == source_id)
    return session.scalars(query.order_by(Capture.fetched_at.desc(), Capture.id.desc()).limit(limit)).all()


def stored_page(session: Session, view: Visibility, source_id: int, capture_id: int) -> Capture | None:
    """Return one stored response of a source; None: there is none, or it may not be seen."""
    if view.companies is not None:
        return None
    return session.scalar(select(Capture).where(Capture.id == capture_id, Capture.source_id == source_id))


def newest_listings(
    session: Session, view: Visibility, source_id: int, *, limit: int = 10
) -> Sequence[tuple[Listing, str]]:
    """Return the newest listings of a source that may be seen, each with the title of its newest version."""
    newest = select(func.max(ListingVersion.id)).where(ListingVersion.listing_id == Listing.id)
    query = select(Listing, ListingVersion.title).join(
        ListingVersion, ListingVersion.id == newest.correlate(Listing).scalar_subquery()
    )
    query = query.where(Listing.source_id == source_id)
    if view.companies is not None:
        query = query.where(
            Listing.id.in_(select(MatchSummary.listing_id).where(view.of(MatchSummary.company_id)))
        )
    rows = session.execute(query.order_by(Listing.id.desc()).limit(limit)).all()
    return [(row[0], row[1] or "") for row in rows]


def source_names(session: Session, view: Visibility, *, limit: int) -> Sequence[str]:
    """Return the first names of sources, in their order."""
    return session.scalars(select(Source.name).order_by(Source.name).limit(limit)).all()
