"""Dumps that several nodes match, and their units.

`spillwatch match --cluster` writes a dump and its units; nodes claim units and write their results; the
command adds the results up and deletes the dump. A unit is keyed by the dump, which stands for the version of
the segments, and by a hash of what it is. Results hold counts, places, ordinals and masked excerpts, never a
value.

A claim lasts UNIT_LEASE and is renewed while the unit is matched. If its node is killed or frozen, another
node claims the unit again, with a higher epoch: what the first one writes then changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    and_,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import BATCH, Base, insert_new, state_moved
from storage.nodes import may_claim, not_locked

UNIT_LEASE = timedelta(seconds=30)  # after it a claim that was not renewed is due again
#: Ends of processes that matched a unit, after which nobody tries it again.
UNIT_DEATHS = 3
#: Claims of a unit at most: a unit may also end the node, which then cannot count it.
UNIT_CLAIMS = 10
#: Nodes that found another file or other segments than the unit's, after which nobody tries it again.
UNIT_REFUSALS = 3
REFUSED_AGAIN = timedelta(seconds=2)  # before another node may claim a refused unit
KILLED = "unit_killed"


class UnitState(StrEnum):
    PENDING = "pending"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"


class Dump(Base):
    __tablename__ = "dumps"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    watch_version: Mapped[str]  # a hash of terms, segments and rules: a node with others refuses the units
    company: Mapped[str | None]  # the only one that is compared
    options: Mapped[dict[str, int]]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]  # when the command last asked for it


class DumpUnit(Base):
    __tablename__ = "dump_units"
    __table_args__ = (UniqueConstraint("dump_id", "key"), Index(None, "state", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    dump_id: Mapped[int] = mapped_column(ForeignKey("dumps.id"))
    key: Mapped[str]
    content: Mapped[dict[str, Any]]  # the unit
    size: Mapped[int]  # bytes, about
    state: Mapped[UnitState]
    epoch: Mapped[int] = mapped_column(default=0)
    node_id: Mapped[int | None]  # the holder of the claim, or who held it last
    claimed_at: Mapped[datetime | None]
    due_at: Mapped[datetime]  # pending: from when on; claimed: when the lease ends
    claims: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None]  # of the last failure
    detail: Mapped[str | None]  # one sentence
    result: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class NewUnit:
    key: str
    content: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class ClaimedUnit:
    """A claimed unit. `epoch` must be given back with the result."""

    unit_id: int
    epoch: int
    content: Mapping[str, Any]
    watch_version: str
    company: str | None
    options: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UnitResult:
    """How a unit ended: `result`, or the `reason` and the sentence of its failure."""

    state: UnitState
    result: bytes | None
    reason: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class DumpProgress:
    """Bytes of the units that ended, of those in hand, and of all."""

    done: int
    in_hand: int
    total: int


# --- the command's side


def open_dump(
    session: Session,
    key: str,
    *,
    watch_version: str,
    company: str | None,
    options: Mapping[str, int],
    now: datetime,
) -> int:
    """Return the id of the dump of this key, which is new or goes on. Units that failed are due again."""
    new = {
        "key": key,
        "watch_version": watch_version,
        "company": company,
        "options": dict(options),
        "created_at": now,
        "used_at": now,
    }
    session.execute(insert_new(session, Dump).values(new))
    dump_id = session.scalars(
        update(Dump).where(Dump.key == key).values(used_at=now).returning(Dump.id)
    ).one()
    failed = update(DumpUnit).where(DumpUnit.dump_id == dump_id, DumpUnit.state == UnitState.FAILED)
    again = {"state": UnitState.PENDING, "due_at": now, "claims": 0, "deaths": 0, "refusals": 0}
    session.execute(failed.values(**again, epoch=DumpUnit.epoch + 1, reason=None, detail=None))
    return dump_id


def add_units(session: Session, dump_id: int, units: Sequence[NewUnit], *, now: datetime) -> None:
    """Add units. Those that the dump has already stay as they are, with their results."""
    rows = [
        {
            "dump_id": dump_id,
            "key": unit.key,
            "content": dict(unit.content),
            "size": unit.size,
            "state": UnitState.PENDING,
            "epoch": 0,
            "due_at": now,
            "claims": 0,
            "deaths": 0,
            "refusals": 0,
        }
        for unit in units
    ]
    for start in range(0, len(rows), BATCH):
        session.execute(insert_new(session, DumpUnit), rows[start : start + BATCH])


def unit_result(session: Session, dump_id: int, key: str) -> UnitResult | None:
    """Return how a unit ended; None: it has not, or the dump does not have it."""
    found = session.execute(
        select(DumpUnit.state, DumpUnit.result, DumpUnit.reason, DumpUnit.detail).where(
            DumpUnit.dump_id == dump_id,
            DumpUnit.key == key,
            DumpUnit.state.in_((UnitState.DONE, UnitState.FAILED)),
        )
    ).one_or_none()
    return UnitResult(*found) if found is not None else None


def dump_progress(session: Session, dump_id: int, *, now: datetime) -> DumpProgress:
    """Return how far a dump is. A claim whose lease has run out is not in hand."""
    in_hand = and_(DumpUnit.state == UnitState.CLAIMED, DumpUnit.due_at > now)
    ended = DumpUnit.state.in_((UnitState.DONE, UnitState.FAILED))
    sums = (func.coalesce(func.sum(DumpUnit.size).filter(part), 0) for part in (ended, in_hand))
    total = func.coalesce(func.sum(DumpUnit.size), 0)
    found = session.execute(select(*sums, total).where(DumpUnit.dump_id == dump_id)).one()
    return DumpProgress(*map(int, found))


def remove_dump(session: Session, dump_id: int) -> None:
    """Delete a dump with its units. A node that still matches one of them writes nothing."""
    session.execute(delete(DumpUnit).where(DumpUnit.dump_id == dump_id))
    session.execute(delete(Dump).where(Dump.id == dump_id))


def remove_dump_of_key(session: Session, key: str) -> None:
    """Delete the dump of this key, if there is one."""
    for dump_id in session.scalars(select(Dump.id).where(Dump.key == key)).all():
        remove_dump(session, dump_id)


def remove_abandoned_dumps(session: Session, *, before: datetime) -> int:
    """Delete the dumps that no command asked for since this moment; return how many."""
    abandoned = session.scalars(select(Dump.id).where(Dump.used_at < before)).all()
    for dump_id in abandoned:
        remove_dump(session, dump_id)
    return len(abandoned)


# --- the nodes' side


def due_units(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of due units, in the order in which they were cut."""
    return session.scalars(select(DumpUnit.id).where(_is_due(now)).order_by(DumpUnit.id).limit(limit)).all()


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Pending and its time has come; or claimed, and the lease has run out."""
    return and_(DumpUnit.state.in_((UnitState.PENDING, UnitState.CLAIMED)), DumpUnit.due_at <= now)


def claim_unit(
    session: Session, unit_id: int, *, now: datetime, node_id: int | None = None
) -> ClaimedUnit | None:
    """Claim a unit for a node. None: another worker has it, it has ended, or it was claimed too often."""
    due = update(DumpUnit).where(DumpUnit.id == unit_id, _is_due(now), may_claim(node_id))
    given_up = {
        "state": UnitState.FAILED,
        "epoch": DumpUnit.epoch + 1,
        "reason": KILLED,
        "detail": f"{UNIT_CLAIMS} nodes began to match it, and none of them ended.",
    }
    if state_moved(session, due.where(DumpUnit.claims >= UNIT_CLAIMS).values(given_up)):
        return None
    claimed = due.values(
        state=UnitState.CLAIMED,
        epoch=DumpUnit.epoch + 1,
        node_id=node_id,
        claimed_at=now,
        due_at=now + UNIT_LEASE,
        claims=DumpUnit.claims + 1,
    )
    if not state_moved(session, claimed.execution_options(synchronize_session=False)):
        return None
    columns = (DumpUnit.id, DumpUnit.epoch, DumpUnit.content, Dump.watch_version, Dump.company, Dump.options)
    return ClaimedUnit(*session.execute(select(*columns).join(Dump).where(DumpUnit.id == unit_id)).one())


def renew_unit(session: Session, claimed: ClaimedUnit, *, now: datetime) -> bool:
    """Make a claim last longer. False: it has ended, so that the result would change nothing."""
    return state_moved(session, _claim(claimed).values(due_at=now + UNIT_LEASE))


def finish_unit(session: Session, claimed: ClaimedUnit, result: bytes) -> bool:
    """Write the result. False: another worker has claimed the unit since, or the dump was deleted."""
    done = {"state": UnitState.DONE, "result": result, "reason": None, "detail": None}
    return state_moved(session, _claim(claimed).values(done))


def refuse_unit(
    session: Session, claimed: ClaimedUnit, *, reason: str, detail: str, now: datetime
) -> UnitState | None:
    """Give back a unit that this node cannot match; return its state. None: the claim had ended."""
    return _give_back(session, claimed, DumpUnit.refusals, UNIT_REFUSALS, reason, detail, now + REFUSED_AGAIN)


def record_unit_death(
    session: Session, claimed: ClaimedUnit, *, detail: str, now: datetime
) -> UnitState | None:
    """Give back a unit whose process ended without a result; return its state. None: the claim had ended."""
    return _give_back(session, claimed, DumpUnit.deaths, UNIT_DEATHS, KILLED, detail, now)


def _give_back(
    session: Session,
    claimed: ClaimedUnit,
    counter: Any,  # noqa: ANN401 - one of the unit's counters
    most: int,
    reason: str,
    detail: str,
    due_at: datetime,
) -> UnitState | None:
    """Count a failure. The unit is due again, unless there were too many of them."""
    failed = {"epoch": DumpUnit.epoch + 1, counter.key: counter + 1, "reason": reason, "detail": detail}
    for condition, state in (
        (counter + 1 < most, UnitState.PENDING),
        (counter + 1 >= most, UnitState.FAILED),
    ):
        moved = _claim(claimed).where(condition).values(**failed, state=state, due_at=due_at)
        if state_moved(session, moved):
            return state
    return None


def release_unit(session: Session, claimed: ClaimedUnit, *, now: datetime) -> bool:
    """Give back a unit that was not matched to its end, because the node stops. It does not count."""
    pending = {"state": UnitState.PENDING, "epoch": DumpUnit.epoch + 1, "due_at": now}
    return state_moved(session, _claim(claimed).values(**pending, claims=DumpUnit.claims - 1))


def release_units(session: Session, *, gone: ColumnElement[bool] | None = None) -> Sequence[int]:
    """Make the claimed units of which `gone` is true due again; return their ids.

    None: all of them. Call it like this at start, under the daemon's lock.
    """
    claimed = update(DumpUnit).where(DumpUnit.state == UnitState.CLAIMED)
    if gone is not None:
        lost = select(DumpUnit.id).where(DumpUnit.state == UnitState.CLAIMED, gone)
        claimed = update(DumpUnit).where(DumpUnit.id.in_(not_locked(session, lost)))
    since = func.coalesce(DumpUnit.claimed_at, DumpUnit.due_at)  # in the past: due at once
    pending = claimed.values(state=UnitState.PENDING, epoch=DumpUnit.epoch + 1, due_at=since)
    return session.scalars(pending.returning(DumpUnit.id)).all()


def _claim(claimed: ClaimedUnit) -> Any:  # noqa: ANN401 - SQLAlchemy's Update, to be completed
    return update(DumpUnit).where(
        DumpUnit.id == claimed.unit_id,
        DumpUnit.epoch == claimed.epoch,
        DumpUnit.state == UnitState.CLAIMED,
    )
