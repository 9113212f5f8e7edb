"""What is not covered: sources that are broken or behind, pages and listings that nobody has read.

Sources belong to the installation, and whoever watches a company has to know how blind the watch is; so the
counts are the same for every person who may see any company. They name nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, select, text
from sqlalchemy.orm import Session, aliased

from storage.listing_tables import UNMATCHED, UNREAD, ListingVersion, MatchState
from storage.runs import Run
from storage.sources import Source, SourceHealth
from storage.visible.visibility import Visibility

COUNTED = 10_000  # listings that are counted at most
#: A version that waits for longer than this is not only about to be matched.
LATE = timedelta(minutes=15)
#: Health that says nothing against a source.
WELL = (SourceHealth.OK, SourceHealth.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Counts. `sources` are those that should be read; the others are parts of them."""

    sources: int = 0
    broken: int = 0  # the last visits did not read what the source shows
    never_read: int = 0
    behind: int = 0  # the schedule cannot be kept
    pages_unread: int = 0  # left by the last visits, at least
    sources_with_pages_unread: int = 0
    listings_unmatched: int = 0  # for longer than LATE, or in vain
    listings_unread: int = 0  # their evidence was missing or damaged at the last rematch

    @property
    def any(self) -> bool:
        return bool(
            self.broken
            or self.never_read
            or self.behind
            or self.pages_unread
            or self.listings_unmatched
            or self.listings_unread
        )


def gaps(session: Session, view: Visibility, *, now: datetime) -> Gaps:
    """Count what is not covered; zeros for who may see no company."""
    if view.companies is not None and not view.companies:
        return Gaps()
    watched = (Source.enabled, Source.removed_at.is_(None))
    rows = session.execute(
        select(Source.health, Source.behind_since.is_not(None), func.count())
        .where(*watched)
        .group_by(Source.health, Source.behind_since.is_not(None))
    ).all()
    newest = select(Run.id).where(Run.source_id == Source.id, Run.finished_at.is_not(None))
    newest = newest.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1).correlate(Source)
    last = aliased(Run)
    unread = select(func.coalesce(func.sum(last.pages_unread), 0), func.count()).select_from(Source)
    unread = unread.join(last, last.id == newest.scalar_subquery()).where(*watched, last.pages_unread > 0)
    pages, with_pages = session.execute(unread).one()
    return Gaps(
        sources=sum(row[2] for row in rows),
        broken=sum(count for health, _, count in rows if health not in WELL),
        never_read=sum(count for health, _, count in rows if health is SourceHealth.UNKNOWN),
        behind=sum(count for _, behind, count in rows if behind),
        pages_unread=int(pages or 0),
        sources_with_pages_unread=with_pages,
        listings_unmatched=_count(session, UNMATCHED, ListingVersion.seen_at < now - LATE),
        listings_unread=_count(session, UNREAD, ListingVersion.match_state == MatchState.MATCHED),
    )


def _count(session: Session, condition: str, further: ColumnElement[bool]) -> int:
    some = select(literal(1)).select_from(ListingVersion).where(text(condition), further)
    return session.scalar(select(func.count()).select_from(some.limit(COUNTED).subquery())) or 0
