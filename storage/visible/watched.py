"""What is watched, as the API gives it: sources with their runs, which everybody who is signed in may see,
companies, and nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from storage import claims, nodes, runs
from storage.companies import Company, Segment, Term
from storage.nodes import Node
from storage.runs import OPEN_RUNS, Run
from storage.sources import Source
from storage.visible.paging import Columns, comes_after, in_order
from storage.visible.visibility import Visibility


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """`now` is the time by the database's clock; `in_hand` is the work of each node by its kind."""

    now: datetime
    nodes: Sequence[Node]
    in_hand: Mapping[int, Mapping[str, int]]


RUN_ORDER: Columns = (Run.finished_at, Run.id)
PARTS = 1_000  # terms or segments of one company


def sources_by_name(
    session: Session, view: Visibility, *, after: str = "", only: int | None = None, limit: int
) -> Sequence[tuple[Source, Run | None]]:
    """Return the sources that are not removed, by name, each with its newest run. `only`: id of one."""
    query = select(Source).where(Source.removed_at.is_(None), Source.name > after)
    if only is not None:
        query = query.where(Source.id == only)
    found = session.scalars(query.order_by(Source.name).limit(limit)).all()
    return [(source, runs.last_slot(session, source.id)) for source in found]


def runs_of_source(
    session: Session, view: Visibility, source_id: int, *, after: tuple[datetime, int] | None, limit: int
) -> Sequence[Run]:
    """Return the runs of a source, each with the source: first its open run, then the others as they ended,
    the newest first.
    """
    query = select(Run).where(Run.source_id == source_id).options(joinedload(Run.source))
    ended = query.where(Run.finished_at.is_not(None)).order_by(*in_order(RUN_ORDER)).limit(limit)
    if after is not None:
        return session.scalars(ended.where(comes_after(RUN_ORDER, after))).all()
    return [*session.scalars(query.where(text(OPEN_RUNS))), *session.scalars(ended)][:limit]


def nodes_seen(session: Session, view: Visibility, now: datetime) -> NodesSeen:
    """Return the nodes that are there, by name; none unless the whole installation may be seen."""
    if view.companies is not None:
        return NodesSeen(now, (), {})
    known = sorted(nodes.known_nodes(session), key=lambda node: (node.name, node.id))
    return NodesSeen(nodes.database_time(session, now), known, claims.claims_in_hand(session))


def companies_by_slug(
    session: Session, view: Visibility, *, after: str = "", limit: int
) -> Sequence[Company]:
    """Return the companies, also those that are no longer watched, by slug."""
    query = select(Company).where(view.of(Company.id), Company.slug > after)
    return session.scalars(query.order_by(Company.slug).limit(limit)).all()


def company_seen(session: Session, view: Visibility, slug: str) -> Company | None:
    """Return a company; None: there is none, or it may not be seen."""
    return session.scalar(select(Company).where(Company.slug == slug, view.of(Company.id)))


def terms_seen(session: Session, view: Visibility, company_id: int) -> Sequence[Term]:
    query = select(Term).where(Term.company_id == company_id, view.of(Term.company_id))
    return session.scalars(query.order_by(Term.id).limit(PARTS)).all()


def segments_seen(session: Session, view: Visibility, company_id: int) -> Sequence[Segment]:
    query = select(Segment).where(Segment.company_id == company_id, view.of(Segment.company_id))
    return session.scalars(query.order_by(Segment.id).limit(PARTS)).all()
