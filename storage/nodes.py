"""Nodes: the running daemons, their leases, and the claims of those that are gone.

A node is one `spillwatch run`. It renews its lease with each heartbeat, by the clock of the database. A node
whose lease has run out is ended by any other node, which releases its claims in the same transaction: it
raises their epochs, so that the late writes of a paused node change nothing. A node that finds its own row
ended stops its work and joins again as a new node.

A claim whose node is not in the table, or is ended, belongs to nobody. A command that works beside the nodes
claims in nobody's name, for as long as the lease of that kind of work.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, text, true, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from storage.database.base import Base, state_moved
from storage.database.lock import ADVISORY_KEY
from storage.errors import AlreadyRunning

KEPT_FOR = timedelta(days=7)  # how long the row of an ended node is kept


class EngineName(StrEnum):
    EMBEDDED = "embedded"
    PROCRASTINATE = "procrastinate"


class NodeEnd(StrEnum):
    """Why a node is no longer there: it stopped, or its lease ran out, or a newer version replaced it."""

    STOPPED = "stopped"
    LOST = "lost"
    REPLACED = "replaced"


class Node(Base):
    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    engine: Mapped[EngineName]
    roles: Mapped[list[str]]
    routes: Mapped[list[str]]
    version: Mapped[str]
    schema_revision: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[NodeEnd | None]


@dataclass(frozen=True, slots=True)
class NodeProfile:
    """What a node says of itself when it joins."""

    name: str
    engine: EngineName
    roles: Sequence[str]
    routes: Sequence[str]
    version: str
    schema_revision: str
    pid: int


def database_time(session: Session, now: datetime) -> datetime:
    """Return the time by the database's clock. SQLite has none of its own: `now`, which is this machine's."""
    if session.get_bind().dialect.name != "postgresql":
        return now
    told = session.scalar(select(func.clock_timestamp()))
    assert isinstance(told, datetime)
    return told


def join(session: Session, profile: NodeProfile, *, lease: timedelta, now: datetime) -> int:
    """Write the row of a new node and return its id. Its lease begins.

    Raises AlreadyRunning if the node shares its work and a daemon with the embedded engine, or a command that
    works alone, holds the database.
    """
    if profile.engine is EngineName.PROCRASTINATE and not _may_share(session):
        raise AlreadyRunning(
            "A daemon with engine = embedded, or a command that works alone, uses this database. Stop it "
            "first: nodes can share a database only if all of them have engine = procrastinate."
        )
    node = Node(
        name=profile.name,
        engine=profile.engine,
        roles=list(profile.roles),
        routes=list(profile.routes),
        version=profile.version,
        schema_revision=profile.schema_revision,
        pid=profile.pid,
        started_at=now,
        heartbeat_at=now,
        lease_until=now + lease,
    )
    session.add(node)
    session.flush()
    return node.id


def _may_share(session: Session) -> bool:
    """Return whether nobody has the lock of `storage.database.lock`, which stands for working alone."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    taken = session.scalar(text("SELECT pg_try_advisory_xact_lock_shared(:key)"), {"key": ADVISORY_KEY})
    return bool(taken)


def renew_lease(session: Session, node_id: int, *, lease: timedelta, now: datetime) -> bool:
    """Write a heartbeat. False: the node was ended by another one; its claims are gone, so it must stop."""
    alive = update(Node).where(Node.id == node_id, Node.ended_at.is_(None))
    return state_moved(session, alive.values(heartbeat_at=now, lease_until=now + lease))


def end_node(session: Session, node_id: int, *, as_: NodeEnd, now: datetime) -> bool:
    """End a node that stops, or whose work has to be given back. False: it was ended before."""
    alive = update(Node).where(Node.id == node_id, Node.ended_at.is_(None))
    return state_moved(session, alive.values(ended_at=now, ended_as=as_))


def end_lapsed(session: Session, *, now: datetime) -> Sequence[Node]:
    """End the nodes whose lease has run out; return them."""
    lapsed = update(Node).where(Node.ended_at.is_(None), Node.lease_until < now)
    return session.scalars(lapsed.values(ended_at=now, ended_as=NodeEnd.LOST).returning(Node)).all()


def end_others(session: Session, *, as_: NodeEnd, now: datetime, older_than: str | None = None) -> int:
    """End all nodes; return how many. With `older_than`, those of an older schema only."""
    alive = update(Node).where(Node.ended_at.is_(None))
    if older_than is not None:
        alive = alive.where(Node.schema_revision < older_than)
    return len(session.scalars(alive.values(ended_at=now, ended_as=as_).returning(Node.id)).all())


def forget_ended(session: Session, *, now: datetime) -> None:
    """Delete the rows of nodes that ended long ago."""
    session.execute(delete(Node).where(Node.ended_at <= now - KEPT_FOR))


def is_alive(session: Session, node_id: int) -> bool:
    """Return whether a node was not ended."""
    return session.scalar(select(Node.id).where(Node.id == node_id, Node.ended_at.is_(None))) is not None


def remaining_lease_s(session: Session, node_id: int) -> float:
    """Return for how many seconds a node on PostgreSQL still has its lease; 0 if it was ended."""
    left = func.extract("epoch", Node.lease_until - func.clock_timestamp())
    found = session.scalar(select(left).where(Node.id == node_id, Node.ended_at.is_(None)))
    return 0.0 if found is None else float(found)


def node_by_id(session: Session, node_id: int) -> Node | None:
    return session.get(Node, node_id)


def known_nodes(session: Session, *, ended: bool = False) -> Sequence[Node]:
    """Return the nodes that are there, by name; with `ended`, also those that are not."""
    query = select(Node).order_by(Node.name, Node.id)
    return session.scalars(query if ended else query.where(Node.ended_at.is_(None))).all()


def node_state(node: Node, now: datetime) -> str:
    """Return alive, lapsed (its lease has run out, and nobody has ended it yet), or how it ended."""
    if node.ended_at is not None:
        return str(node.ended_as)
    return "alive" if node.lease_until >= now else "lapsed"


def may_claim(node_id: int | None) -> ColumnElement[bool]:
    """Return the condition that a node was not ended: a paused one that wakes must claim nothing more.

    None: whoever claims is no node, and works alone.
    """
    if node_id is None:
        return true()
    return select(Node.id).where(Node.id == node_id, Node.ended_at.is_(None)).exists()


def holder_is_gone(
    holder: InstrumentedAttribute[int | None], *, nobodys: bool = False
) -> ColumnElement[bool]:
    """Return the condition that the node of a claim is not among those that are there; with `nobodys`, also
    that the claim names no node.
    """
    gone = holder.not_in(select(Node.id).where(Node.ended_at.is_(None)))
    return or_(holder.is_(None), gone) if nobodys else gone


def not_locked(session: Session, query: Select[int]) -> Select[int]:
    """Return a query of ids without the rows that another transaction is just writing.

    A paused node may hold a row's lock until the database ends its session; whoever releases claims takes the
    others meanwhile.
    """
    postgresql = session.get_bind().dialect.name == "postgresql"
    return query.with_for_update(skip_locked=True) if postgresql else query


def work_in_hand(
    session: Session, holders: Collection[tuple[str, Select[int | None]]]
) -> dict[int, dict[str, int]]:
    """Return the number of claims of each node by kind; `holders` are kinds with their queries of holders."""
    counts: dict[int, dict[str, int]] = {}
    for kind, query in holders:
        held = query.subquery()
        grouped = select(held.c[0], func.count()).group_by(held.c[0])
        for node_id, count in session.execute(grouped):
            counts.setdefault(node_id, {})[kind] = count
    return counts
