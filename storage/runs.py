"""Runs: the visits to sources, from the slot to the outcome."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from statistics import median

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    Update,
    and_,
    bindparam,
    func,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from storage.database.base import BATCH, Base, insert_new, state_moved
from storage.nodes import may_claim, not_locked
from storage.sources import Source
from storage.work import NodeRoute

USUAL_RUNS = 20  # number of finished runs from which the usual counts are computed
STOPPED = "stopped"  # the reason of a run whose program stopped
NEWEST_RUNS = 10_000  # among which those of a node are looked for: an index would serve that alone
REPEAT = " repeat "  # in the slot of a run that repeats an interrupted one, before its number
REPEATS = 5
RUN_LEASE = timedelta(minutes=15)  # without a heartbeat; after it a run whose process is gone is ended


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class RunTrigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    CATCH_UP = "catch_up"


class RunOutcome(StrEnum):
    NEW_LISTINGS = "new_listings"
    NOTHING_NEW = "nothing_new"
    PAGE_NOT_RECOGNISED = "page_not_recognised"
    COULD_NOT_FETCH = "could_not_fetch"
    REFUSED = "refused"
    WALL = "wall"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    MEMORY_EXCEEDED = "memory_exceeded"
    STORAGE_FAILED = "storage_failed"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"


READ = (RunOutcome.NEW_LISTINGS, RunOutcome.NOTHING_NEW)  # outcomes of a run that read what the source showed
#: The reason of a run whose evidence could not be put where every node can read it.
UNSEALED_REASON = "evidence_unsealed"
OPEN_RUNS = "state IN ('queued', 'running')"


class Run(Base):
    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("source_id", "slot"),
        # A source never has two open runs, whoever requests them.
        Index(
            "uq_runs_open_source_id",
            "source_id",
            unique=True,
            sqlite_where=text(OPEN_RUNS),
            postgresql_where=text(OPEN_RUNS),
        ),
        Index(None, "source_id", "finished_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    slot: Mapped[str]
    trigger: Mapped[RunTrigger]
    state: Mapped[RunState] = mapped_column(default=RunState.QUEUED)
    epoch: Mapped[int] = mapped_column(default=0)
    node_id: Mapped[int | None]  # the holder of the claim, or who held it last
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[RunOutcome | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]  # one masked sentence
    pages: Mapped[int] = mapped_column(default=0)
    captures: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    listings_seen: Mapped[int] = mapped_column(default=0)
    listings_new: Mapped[int] = mapped_column(default=0)
    listings_changed: Mapped[int] = mapped_column(default=0)
    pages_unread: Mapped[int | None]
    pid: Mapped[int | None]

    source: Mapped[Source] = relationship(lazy="raise")


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Totals of a run up to now, not differences."""

    pages: int = 0
    captures: int = 0
    bytes: int = 0
    listings_seen: int = 0
    listings_new: int = 0
    listings_changed: int = 0
    pages_unread: int | None = None


@dataclass(frozen=True, slots=True)
class UsualCounts:
    """Medians over the last runs that read what the source showed; `runs` is the number of these runs."""

    runs: int
    pages: float
    listings_seen: float
    listings_new: float


def enqueue_run(
    session: Session, source_id: int, *, slot: str, trigger: RunTrigger, now: datetime
) -> int | None:
    """Queue a run; return its id. None: the slot has a run already, or the source has a queued or running
    run.
    """
    row = {"source_id": source_id, "slot": slot, "trigger": trigger, "queued_at": now}
    return session.scalar(insert_new(session, Run).values(row).returning(Run.id))


def enqueue_runs(
    session: Session, wanted: Sequence[tuple[int, str, RunTrigger]], *, now: datetime
) -> Sequence[int]:
    """Queue runs, each given by its source, slot and trigger; return their ids, without those that
    `enqueue_run` would not queue.
    """
    rows = [
        {"source_id": source_id, "slot": slot, "trigger": trigger, "queued_at": now}
        for source_id, slot, trigger in wanted
    ]
    queued: list[int] = []
    for start in range(0, len(rows), BATCH):
        some = insert_new(session, Run).values(rows[start : start + BATCH]).returning(Run.id)
        queued += session.scalars(some)
    return queued


def has_slot(session: Session, source_id: int, slot: str) -> bool:
    """Return whether a slot of a source has a run."""
    return session.scalar(select(Run.id).where(Run.source_id == source_id, Run.slot == slot)) is not None


def claim_run(session: Session, run_id: int, *, now: datetime, node_id: int | None = None) -> int | None:
    """Claim a queued run for a node; return the epoch that every later write of this run needs. None: it is
    not queued.
    """
    queued = update(Run).where(Run.id == run_id, Run.state == RunState.QUEUED, may_claim(node_id))
    running = queued.values(
        state=RunState.RUNNING, epoch=Run.epoch + 1, node_id=node_id, started_at=now, heartbeat_at=now
    )
    return session.scalar(running.returning(Run.epoch))


def lock_source(session: Session, source_id: int) -> None:
    """Lock a source until the commit: of two transactions, the second one sees the rows of the first."""
    session.execute(select(Source.id).where(Source.id == source_id).with_for_update(key_share=True))


def lock_sites(session: Session, sites: Collection[str]) -> None:
    """Take the locks of these sites until the commit, in the same way.

    They are no rows: one of a site's sources would not do, and a host can have thousands. SQLite has one
    writer at a time anyway.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digests = (hashlib.blake2b(site.encode(), digest_size=4).digest() for site in sites)
    keys = sorted(int.from_bytes(digest, "big", signed=True) for digest in digests)
    session.execute(LOCK_SITES, {"kind": SITE_LOCKS, "keys": keys})


#: Sites whose digests have the same 32 bits wait for one another, which does no harm.
SITE_LOCKS = 0x53495445
LOCK_SITES = text(
    "SELECT pg_advisory_xact_lock(CAST(:kind AS integer), key) FROM unnest(CAST(:keys AS integer[])) AS key"
)


def ran_since(session: Session, source_ids: Collection[int], *, since: datetime, now: datetime) -> bool:
    """Return whether a run of one of these sources is running, or has ended after `since`."""
    running = and_(Run.state == RunState.RUNNING, not_(_is_abandoned(now)))
    recent_ones = or_(running, Run.finished_at > since)
    query = select(Run.id).where(Run.source_id.in_(source_ids), recent_ones).limit(1)
    return session.scalar(query) is not None


def runs_waiting_longer(session: Session, run: Run, source_ids: Collection[int]) -> Sequence[Run]:
    """Return the queued runs of these sources that have waited longer than `run`, oldest first, with their
    sources.
    """
    older = or_(Run.queued_at < run.queued_at, and_(Run.queued_at == run.queued_at, Run.id < run.id))
    query = select(Run).where(Run.source_id.in_(source_ids), Run.state == RunState.QUEUED, older)
    return session.scalars(query.order_by(Run.queued_at, Run.id).options(joinedload(Run.source))).all()


def last_finished_at(session: Session, source_ids: Collection[int]) -> datetime | None:
    """Return when the last run of these sources ended; None: no run has ended."""
    return session.scalar(select(func.max(Run.finished_at)).where(Run.source_id.in_(source_ids)))


def _update_of_claimed_run(run_id: int, epoch: int) -> Update:
    return update(Run).where(Run.id == run_id, Run.epoch == epoch, Run.state == RunState.RUNNING)


def record_child_start(session: Session, run_id: int, epoch: int, *, pid: int) -> bool:
    return state_moved(session, _update_of_claimed_run(run_id, epoch).values(pid=pid))


@cache
def _current_run(*, lock: bool) -> Select[int]:
    """Return a query for a run's id. Made once: a run asks it with each batch of captures."""
    runs = Run.__table__.c
    is_current = and_(runs.id == bindparam("run_id"), runs.epoch == bindparam("epoch"))
    query = select(runs.id).where(is_current, runs.state == RunState.RUNNING)
    return query.with_for_update() if lock else query


def is_current(session: Session, run_id: int, epoch: int) -> bool:
    """Return whether a run is running and still belongs to this epoch, without a lock."""
    values = {"run_id": run_id, "epoch": epoch}
    return session.connection().execute(_current_run(lock=False), values).scalar() is not None


def lock_if_current(session: Session, run_id: int, epoch: int) -> bool:
    """Lock a run until the commit; return whether it is running and still belongs to this epoch."""
    values = {"run_id": run_id, "epoch": epoch}
    return session.connection().execute(_current_run(lock=True), values).scalar() is not None


def record_progress(
    session: Session, run_id: int, epoch: int, *, now: datetime, counts: RunCounts | None = None
) -> bool:
    """Record a heartbeat, and counts if given. False: the run no longer belongs to this epoch; stop."""
    values = asdict(counts) if counts else {}
    return state_moved(session, _update_of_claimed_run(run_id, epoch).values(heartbeat_at=now, **values))


def finish_run(
    session: Session,
    run_id: int,
    epoch: int,
    *,
    outcome: RunOutcome,
    reason: str | None = None,
    detail: str | None = None,
    counts: RunCounts | None = None,
    now: datetime,
) -> bool:
    """End a run. False: it was ended by somebody else. Without counts, those of the last progress stay."""
    values = asdict(counts) if counts else {}
    ended = {"state": RunState.FINISHED, "outcome": outcome, "reason": reason, "detail": detail}
    return state_moved(
        session, _update_of_claimed_run(run_id, epoch).values(finished_at=now, **ended, **values)
    )


def interrupt_orphans(
    session: Session,
    *,
    now: datetime,
    gone: ColumnElement[bool] | None = None,
    why: str = "The daemon ended while this run was in progress.",
) -> Sequence[int]:
    """End the running runs of which `gone` is true; return their ids. None: all of them.

    Call it without `gone` at start, under the daemon's lock, when none has a process. `why`: their detail.
    """
    if gone is None:
        return _interrupt_runs(session, and_(text(OPEN_RUNS), Run.state == RunState.RUNNING), why, now)
    lost = select(Run.id).where(text(OPEN_RUNS), Run.state == RunState.RUNNING, gone)
    return _interrupt_runs(session, Run.id.in_(not_locked(session, lost)), why, now)


def interrupt_abandoned(session: Session, run_id: int, *, now: datetime) -> bool:
    """End a run whose outcome could not be written. False: its RUN_LEASE is not over, or it has ended.

    Do not call it for a run whose process is alive: a site may be silent for longer than the lease.
    """
    detail = "The run sent no more heartbeats, and its outcome could not be written."
    return bool(_interrupt_runs(session, and_(Run.id == run_id, _is_abandoned(now)), detail, now))


def _is_abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(Run.state == RunState.RUNNING, Run.heartbeat_at <= now - RUN_LEASE)


def _interrupt_runs(
    session: Session, condition: ColumnElement[bool], detail: str, now: datetime
) -> Sequence[int]:
    ended = {"state": RunState.FINISHED, "outcome": RunOutcome.INTERRUPTED, "reason": "interrupted"}
    values = update(Run).where(condition).values(**ended, detail=detail, epoch=Run.epoch + 1, finished_at=now)
    return session.scalars(values.returning(Run.id)).all()


def stopped_runs(session: Session, node_id: int) -> Sequence[int]:
    """Return the ids of the runs that a node ended because it stops itself."""
    recent = select(func.coalesce(func.max(Run.id), 0) - NEWEST_RUNS).scalar_subquery()
    query = select(Run.id).where(
        Run.id > recent,
        Run.node_id == node_id,
        Run.outcome == RunOutcome.INTERRUPTED,
        Run.reason == STOPPED,
    )
    return session.scalars(query.order_by(Run.id)).all()


def routes_of(session: Session, run_ids: Collection[int]) -> dict[int, str]:
    """Return by which route the source of each of these runs is read."""
    route = func.coalesce(Source.definition["via"].as_string(), NodeRoute.DIRECT.value)
    query = select(Run.id, route).join(Source, Source.id == Run.source_id).where(Run.id.in_(run_ids))
    return {row[0]: row[1] for row in session.execute(query)}


def repeat_interrupted(session: Session, run_ids: Collection[int], *, now: datetime) -> Sequence[int]:
    """Queue the visits of interrupted runs once more, as far as their sources have no open run; return the
    ids of the new runs.

    After REPEATS in a row the next slot decides: whatever ends a node may be in the visit.
    """
    repeated = []
    for run in session.scalars(select(Run).where(Run.id.in_(run_ids)).order_by(Run.queued_at, Run.id)):
        slot, _, number = run.slot.partition(REPEAT)
        if int(number or 0) >= REPEATS:
            continue
        name = f"{slot}{REPEAT}{int(number or 0) + 1}"
        run_id = enqueue_run(session, run.source_id, slot=name, trigger=RunTrigger.CATCH_UP, now=now)
        if run_id is not None:
            repeated.append(run_id)
    return repeated


def run_by_id(session: Session, run_id: int) -> Run | None:
    """Return a run with its source."""
    return session.scalar(select(Run).where(Run.id == run_id).options(joinedload(Run.source)))


def due_runs(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of queued runs and of abandoned ones, oldest first."""
    queued = and_(Run.state == RunState.QUEUED, Run.queued_at <= now)
    query = select(Run.id).where(text(OPEN_RUNS), or_(queued, _is_abandoned(now)))
    return session.scalars(query.order_by(Run.queued_at, Run.id).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is queued or running. `abandoned`: it ended without an outcome."""

    id: int
    source_id: int
    trigger: RunTrigger
    queued_at: datetime
    running: bool
    abandoned: bool


def open_runs(session: Session, *, now: datetime) -> list[OpenRun]:
    """Return the queued and running runs, oldest first. There is one per source at most."""
    return [OpenRun(*row) for row in session.execute(OPEN, {"now": now, "silent": now - RUN_LEASE})]


_RUNNING = Run.state == RunState.RUNNING
OPEN = (
    select(
        Run.id,
        Run.source_id,
        Run.trigger,
        Run.queued_at,
        _RUNNING,
        and_(_RUNNING, Run.heartbeat_at <= bindparam("silent")),
    )
    .where(text(OPEN_RUNS), or_(_RUNNING, Run.queued_at <= bindparam("now")))
    .order_by(Run.queued_at, Run.id)
)


def ends_since(session: Session, source_ids: Collection[int], *, since: datetime) -> dict[int, datetime]:
    """Return when the last run of each of these sources ended, if that is later than `since`."""
    found = session.execute(ENDS, {"ids": list(source_ids), "since": since})
    return {source_id: ended for source_id, ended in found if ended is not None}


ENDS = (
    select(Run.source_id, func.max(Run.finished_at))
    .where(Run.source_id.in_(bindparam("ids", expanding=True)), Run.finished_at > bindparam("since"))
    .group_by(Run.source_id)
)


def recent_runs(session: Session, *, source: str | None = None, limit: int = 50) -> Sequence[Run]:
    """Return runs, newest first, each with its source; `source` is a name."""
    query = select(Run).options(joinedload(Run.source)).limit(limit)
    if source is None:
        return session.scalars(query.order_by(Run.id.desc())).all()
    source_id = session.scalar(select(Source.id).where(Source.name == source)) or 0
    # Its open run first, and the others as they ended: each part is the beginning of an index.
    of_source = query.where(Run.source_id == source_id)
    newest = session.scalars(of_source.where(text(OPEN_RUNS))).all()
    ended = of_source.where(Run.finished_at.is_not(None)).order_by(Run.finished_at.desc(), Run.id.desc())
    return [*newest, *session.scalars(ended)][:limit]


def last_slot(session: Session, source_id: int) -> Run | None:
    """Return the newest run of a source, from which the schedule decides what was missed."""
    # A source has one open run at most, which is its newest; each of the two is one look into an index.
    of_source = select(Run).where(Run.source_id == source_id)
    open_one = session.scalar(of_source.where(text(OPEN_RUNS)))
    if open_one is not None:
        return open_one
    return session.scalar(of_source.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1))


def last_queued(session: Session) -> dict[int, datetime]:
    """Return when the newest run of each source was queued; without sources that never had one."""
    of_source = select(Run.queued_at).where(Run.source_id == Source.id)
    open_one = of_source.where(text(OPEN_RUNS)).scalar_subquery()
    ended = of_source.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1).scalar_subquery()
    found = session.execute(select(Source.id, func.coalesce(open_one, ended)))
    return {source_id: queued_at for source_id, queued_at in found if queued_at is not None}


def last_outcomes(
    session: Session, source_id: int, *, among: Collection[RunOutcome], limit: int
) -> Sequence[RunOutcome]:
    """Return the outcomes of the last runs that ended in one of `among`, newest first."""
    query = select(Run.outcome).where(Run.source_id == source_id, Run.outcome.in_(list(among)))
    found = session.scalars(query.order_by(Run.finished_at.desc(), Run.id.desc()).limit(limit))
    return [outcome for outcome in found if outcome is not None]


def usual_counts(session: Session, source_id: int) -> UsualCounts:
    last = (
        select(Run.pages, Run.listings_seen, Run.listings_new)
        .where(Run.source_id == source_id, Run.state == RunState.FINISHED, Run.outcome.in_(READ))
        .order_by(Run.finished_at.desc())
        .limit(USUAL_RUNS)
    )
    rows = session.execute(last).all()
    return UsualCounts(
        runs=len(rows),
        pages=median([row.pages for row in rows] or [0]),
        listings_seen=median([row.listings_seen for row in rows] or [0]),
        listings_new=median([row.listings_new for row in rows] or [0]),
    )
