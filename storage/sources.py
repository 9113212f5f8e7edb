"""Sources: the declared places, their health, and how far each one has been read."""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast

from sqlalchemy import Engine, ForeignKey, Index, Pool, bindparam, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, state_moved
from storage.database.columns import dump_json
from storage.work import NodeRoute


class SourceHealth(StrEnum):
    UNKNOWN = "unknown"
    OK = "ok"
    PAGE_NOT_RECOGNISED = "page_not_recognised"
    COULD_NOT_FETCH = "could_not_fetch"
    REFUSED = "refused"
    WALL = "wall"
    PARSER_DEGRADED = "parser_degraded"
    FLAPPING = "flapping"
    FAILING = "failing"


class AlertState(StrEnum):
    """Whether the alerts have judged a row."""

    PENDING = "pending"
    DONE = "done"


#: In a source's cursor: the moment before which its site does not want to be read. It has a column, too.
NOT_BEFORE = "not_before"
#: In a source's cursor: the same for each of its sites that is left alone, by site.
SITE_PAUSES = "site_pauses"
BEHIND = "behind_since IS NOT NULL"
RESTING = "not_before IS NOT NULL"
REVISION_BITS = 62
PENDING = "alert_state = 'pending'"


class Source(Base):
    __tablename__ = "sources"
    __table_args__ = (
        Index(None, "behind_since", sqlite_where=text(BEHIND), postgresql_where=text(BEHIND)),
        Index(None, "not_before", sqlite_where=text(RESTING), postgresql_where=text(RESTING)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    definition: Mapped[dict[str, Any]]
    declared_in: Mapped[str | None]  # file; None: added by a person
    digest: Mapped[str]
    enabled: Mapped[bool]
    health: Mapped[SourceHealth] = mapped_column(default=SourceHealth.UNKNOWN)
    health_since: Mapped[datetime | None]
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    not_before: Mapped[datetime | None]  # the latest of NOT_BEFORE and SITE_PAUSES of the cursor
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    # Written by storage.schedule_keeping.
    slots_since: Mapped[datetime | None]
    slots_kept: Mapped[int] = mapped_column(default=0)
    slots_skipped: Mapped[int] = mapped_column(default=0)
    behind_since: Mapped[datetime | None]  # since when its schedule cannot be kept


class SourceRevision(Base):
    """A table of one row, which the migration writes."""

    __tablename__ = "source_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]


class SourceChange(Base):
    """A change of a source's health, which the alerts judge."""

    __tablename__ = "source_changes"
    __table_args__ = (
        Index("ix_source_changes_pending", "id", sqlite_where=text(PENDING), postgresql_where=text(PENDING)),
        Index(None, "source_id", "at"),
        Index(None, "run_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    before: Mapped[SourceHealth]
    after: Mapped[SourceHealth]
    at: Mapped[datetime]
    alert_state: Mapped[AlertState] = mapped_column(default=AlertState.PENDING)


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    name: str
    kind: str
    definition: Mapping[str, Any]
    declared_in: str | None
    enabled: bool = True

    @property
    def digest(self) -> str:
        content = dump_json([self.kind, dict(self.definition), self.declared_in, self.enabled])
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The names that a sync added, changed and removed, in the order of declaration."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def sync_declared_sources(session: Session, declared: Sequence[DeclaredSource], now: datetime) -> SyncResult:
    """Make the declared sources those of the files; sources that a person added stay as they are.

    A source whose file is gone keeps its rows and gets `removed_at`. When the file is back, so is its cursor.
    """
    known = {source.name: source for source in session.scalars(select(Source))}
    added = tuple(item.name for item in declared if item.name not in known)
    session.add_all(_new_source(item, now) for item in declared if item.name not in known)
    changed = tuple(item.name for item in declared if _apply_declaration(known.get(item.name), item, now))
    names = {item.name for item in declared}
    gone = [s for s in known.values() if s.name not in names and s.declared_in and s.removed_at is None]
    for source in gone:
        source.removed_at = source.updated_at = now
    session.flush()
    if added or changed or gone:
        _change_revision(session)
    return SyncResult(added, changed, tuple(source.name for source in gone))


def add_source(session: Session, item: DeclaredSource, now: datetime) -> Source | None:
    """Store a source that a person added; `declared_in` is None. None: its name is taken, or was.

    A sync of files leaves it as it is, unless a file of its name appears.
    """
    if source_by_name(session, item.name) is not None:
        return None
    source = _new_source(item, now)
    session.add(source)
    session.flush()
    _change_revision(session)
    return source


def change_source(session: Session, source: Source, item: DeclaredSource, now: datetime) -> bool:
    """Change a locked source that a person added; its cursor stays. False: it was so already."""
    if not _apply_declaration(source, item, now):
        return False
    session.flush()
    _change_revision(session)
    return True


def _new_source(item: DeclaredSource, now: datetime) -> Source:
    return Source(
        name=item.name,
        kind=item.kind,
        definition=dict(item.definition),
        declared_in=item.declared_in,
        digest=item.digest,
        enabled=item.enabled,
        created_at=now,
        updated_at=now,
    )


def _apply_declaration(source: Source | None, item: DeclaredSource, now: datetime) -> bool:
    """Store a declared source if it differs from `source`; return whether it did.

    A file that only lies in another folder makes no difference: each node has its own.
    """
    if source is None or (source.digest == item.digest and source.removed_at is None):
        return False
    moved = source.declared_in is not None and source.removed_at is None
    if moved and replace(item, declared_in=source.declared_in).digest == source.digest:
        source.declared_in, source.digest = item.declared_in, item.digest
        return False
    source.kind, source.definition, source.declared_in = item.kind, dict(item.definition), item.declared_in
    source.digest, source.enabled = item.digest, item.enabled
    source.updated_at, source.removed_at = now, None
    return True


def source_by_name(session: Session, name: str) -> Source | None:
    """Return a source, also a removed one, because its listings are kept."""
    return session.scalar(select(Source).where(Source.name == name))


def routes_in_use(session: Session) -> dict[str, int]:
    """Return by how many active sources each route is used."""
    route = func.coalesce(Source.definition["via"].as_string(), NodeRoute.DIRECT.value)
    active = select(route, func.count()).where(Source.enabled, Source.removed_at.is_(None)).group_by(route)
    return {row[0]: row[1] for row in session.execute(active)}


def source_by_id(session: Session, source_id: int) -> Source | None:
    return session.get(Source, source_id)


def active_sources(session: Session, *, kinds: Collection[str] | None = None) -> Sequence[Source]:
    """Return sources that are enabled and not removed, sorted by name; None: of all kinds."""
    query = select(Source).where(Source.enabled, Source.removed_at.is_(None)).order_by(Source.name)
    return session.scalars(query if kinds is None else query.where(Source.kind.in_(kinds))).all()


def all_sources(session: Session) -> Sequence[Source]:
    """Return sources that are not removed, enabled or not, sorted by name."""
    return session.scalars(select(Source).where(Source.removed_at.is_(None)).order_by(Source.name)).all()


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    digest: str
    content: Mapping[str, Any]


def pool_of(session: Session) -> Pool:
    """Return the connections of the session's database, which stand for it in this process."""
    return cast("Engine", session.get_bind()).engine.pool


def revision(session: Session) -> int:
    """Return a number that changes whenever a source is declared, changed or removed, by whichever process.

    A number never comes back: one that was read in a transaction that is rolled back afterwards belongs to no
    later change.
    """
    return session.scalars(REVISION).one()


REVISION = select(SourceRevision.revision)


def _change_revision(session: Session) -> None:
    session.execute(update(SourceRevision).values(revision=secrets.randbits(REVISION_BITS)))


def source_digests(session: Session) -> dict[int, str]:
    """Return the digests of the sources that are not removed, by id."""
    query = select(Source.id, Source.digest).where(Source.removed_at.is_(None))
    return {row[0]: row[1] for row in session.execute(query)}


class SourcePause(NamedTuple):
    """What a source was asked for: until when its sites are left alone, and each of them if that is known."""

    source_id: int
    not_before: datetime
    sites: Mapping[str, datetime]


def pauses(session: Session, *, now: datetime) -> list[SourcePause]:
    """Return the pauses that last, according to the end of each source's last run."""
    rows = session.execute(PAUSES, {"now": now})
    return [
        SourcePause(
            source_id, until, {site: datetime.fromisoformat(at) for site, at in (sites or {}).items()}
        )
        for source_id, until, sites in rows
    ]


PAUSES = select(Source.id, Source.not_before, Source.cursor[SITE_PAUSES]).where(
    text(RESTING), Source.not_before > bindparam("now")
)


def definitions(session: Session, source_ids: Collection[int]) -> dict[int, StoredDefinition]:
    """Return the definitions of these sources, by id."""
    if not source_ids:
        return {}
    query = select(Source.id, Source.digest, Source.definition).where(Source.id.in_(source_ids))
    return {row[0]: StoredDefinition(row[1], row[2]) for row in session.execute(query)}


def save_cursor(session: Session, source_id: int, cursor: Mapping[str, Any]) -> None:
    marks = [cursor.get(NOT_BEFORE), *(cursor.get(SITE_PAUSES) or {}).values()]
    not_before = max((datetime.fromisoformat(mark) for mark in marks if mark), default=None)
    values = {"cursor": dict(cursor), "not_before": not_before}
    session.execute(update(Source).where(Source.id == source_id).values(values))


def record_health(
    session: Session, source_id: int, *, run_id: int | None, health: SourceHealth, now: datetime
) -> SourceChange | None:
    """Record a source's health; return the change, if it is one that the alerts should judge.

    None: the health is the same, or it went from unknown to ok.
    """
    before = session.scalar(
        select(Source.health).where(Source.id == source_id).with_for_update(key_share=True)
    )
    if before is None or before == health:
        return None
    changed = update(Source).where(Source.id == source_id, Source.health == before)
    if not state_moved(session, changed.values(health=health, health_since=now)):
        return None
    if before is SourceHealth.UNKNOWN and health is SourceHealth.OK:
        return None
    change = SourceChange(source_id=source_id, run_id=run_id, before=before, after=health, at=now)
    session.add(change)
    session.flush()
    return change


def changes_since(session: Session, source_id: int, since: datetime) -> int:
    """Return how often a source's health changed since then, without the change from unknown to ok."""
    query = select(func.count()).where(SourceChange.source_id == source_id, SourceChange.at >= since)
    return session.scalar(query) or 0


def changes_due(session: Session, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of changes that the alerts have not judged, oldest first."""
    query = select(SourceChange.id).where(text(PENDING), SourceChange.at <= now)
    return session.scalars(query.order_by(SourceChange.id).limit(limit)).all()


def change_by_id(session: Session, change_id: int) -> SourceChange | None:
    return session.get(SourceChange, change_id)


def mark_change_done(session: Session, change_id: int) -> bool:
    """Record that the alerts have judged a change. False: another worker did so before.

    Call it in the transaction that writes the alert.
    """
    pending = update(SourceChange).where(
        SourceChange.id == change_id, SourceChange.alert_state == AlertState.PENDING
    )
    return state_moved(session, pending.values(alert_state=AlertState.DONE))


def count_sources(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Source).where(Source.removed_at.is_(None))) or 0
