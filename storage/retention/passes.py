"""Passes of retention: each carries out the table of rules once, in small transactions, and ends in a row.

A pass is work like any other: `due_passes` finds it, `claim_pass` claims it with an epoch, and each step is
bounded. The cursors say, per rule, up to which id the rows were looked at, so that a killed pass goes on.

The steps of a pass:
1. per rule, in order: windows of ids are looked at until the rows are too new; what goes is deleted, with a
   request for each record that no row points at any more (`storage.evidence_removals`)
2. the bytes of these records are erased (`storage.retention.erasing_files`)
3. the outcome, the counts and the bytes are written
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, delete, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, Database, insert_new, state_moved
from storage.evidence.warc import EvidenceStore
from storage.evidence_removals import pending_removals, request_removals
from storage.holds import lock_deletions, open_cases
from storage.retention.erasing_files import erase_requested
from storage.retention.policy import (
    RULES,
    AgeLimits,
    RetentionKind,
    RetentionRule,
    age_limits,
    source_ids_by_name,
)
from storage.settings import RetentionSettings

WINDOW = 2000  # ids that one step looks at
BATCH = 250  # rows that one transaction deletes
TICK_S = 1.0  # after which a tick of a pass ends, so that others can write
PASS_LEASE = timedelta(minutes=10)  # after it a claimed tick without a result is due again
#: Between the first start with a version that has retention and the first pass: time to look at what goes.
FIRST_AFTER = timedelta(days=7)
FILES_PER_TICK = 20
KEPT_PASSES = 400
OPEN = "state = 'running'"


class PassState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"


class PassOutcome(StrEnum):
    ANNOUNCED = "announced"  # nothing was deleted: the first pass is due FIRST_AFTER later
    DELETED = "deleted"
    NOTHING_OLD = "nothing_old"
    DISABLED = "disabled"  # only what an erasure had left was deleted
    FILES_LEFT = "files_left"  # the bytes of some records could not be erased; the next pass tries again


class RetentionPass(Base):
    __tablename__ = "retention_passes"
    __table_args__ = (
        # Never two open passes, whoever begins them.
        Index(
            "uq_retention_passes_open_state",
            "state",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[PassState]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    not_before: Mapped[datetime]  # the next tick, or the end of the lease of a claimed one
    epoch: Mapped[int]
    outcome: Mapped[PassOutcome | None]
    reason: Mapped[str | None]  # of the first record that could not be erased
    cursors: Mapped[dict[str, Any]]  # by rule, the last id that was looked at; "": whole
    counts: Mapped[dict[str, int]]  # rows and records that were deleted, by table
    bytes_freed: Mapped[int]  # of evidence


@dataclass(frozen=True, slots=True)
class ClaimedPass:
    pass_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class PassProgress:
    """What a tick did. `counts`: rows and records by table; `outcome`: None while the pass goes on."""

    counts: Mapping[str, int]
    bytes_freed: int
    outcome: PassOutcome | None


NEW_PASS = 0  # instead of an id, in due_passes: a pass has to begin


def due_passes(session: Session, *, now: datetime, limit: int, settings: RetentionSettings) -> Sequence[int]:
    """Return the id of the open pass if its next tick is due, or NEW_PASS if a pass has to begin."""
    last = session.scalar(select(RetentionPass).order_by(RetentionPass.id.desc()).limit(1))
    if last is None:
        return [NEW_PASS][:limit]
    if last.state is PassState.RUNNING:
        return [last.id][:limit] if last.not_before <= now else []
    if last.not_before <= now and (settings.enabled or pending_removals(session)):
        return [NEW_PASS][:limit]
    return []


def begin_pass(session: Session, *, now: datetime) -> int | None:
    """Begin a pass; return its id. None: another one is open.

    The first one of all is ended at once as announced.
    """
    first = session.scalar(select(RetentionPass.id).limit(1)) is None
    row: dict[str, Any] = {
        "state": PassState.FINISHED if first else PassState.RUNNING,
        "started_at": now,
        "finished_at": now if first else None,
        "not_before": now + FIRST_AFTER if first else now,
        "outcome": PassOutcome.ANNOUNCED if first else None,
        "epoch": 0,
        "cursors": {},
        "counts": {},
        "bytes_freed": 0,
    }
    return session.scalar(insert_new(session, RetentionPass).values(row).returning(RetentionPass.id))


def claim_pass(session: Session, pass_id: int, *, now: datetime) -> ClaimedPass | None:
    """Claim the next tick of a pass. None: it has ended, or another worker has it."""
    waiting = update(RetentionPass).where(
        RetentionPass.id == pass_id,
        RetentionPass.state == PassState.RUNNING,
        RetentionPass.not_before <= now,
    )
    claimed = waiting.values(epoch=RetentionPass.epoch + 1, not_before=now + PASS_LEASE)
    epoch = session.scalar(claimed.returning(RetentionPass.epoch))
    return None if epoch is None else ClaimedPass(pass_id, epoch)


def release_passes(session: Session) -> None:
    """End the lease of all ticks. Call it at start, when no tick is in progress."""
    running = update(RetentionPass).where(RetentionPass.state == PassState.RUNNING)
    session.execute(running.values(not_before=RetentionPass.started_at, epoch=RetentionPass.epoch + 1))


def carry_out_tick(
    database: Database,
    evidence: EvidenceStore,
    settings: RetentionSettings,
    claimed: ClaimedPass,
    *,
    now: datetime,
    tick_s: float = TICK_S,
) -> PassProgress:
    """Carry out a pass for about `tick_s` seconds, from where its last tick ended."""
    with database.reading() as session:
        row = session.get_one(RetentionPass, claimed.pass_id)
        sources = source_ids_by_name(session)
    tick = _Tick(database, claimed, now, dict(row.cursors))
    until = time.monotonic() + tick_s
    unfinished = False
    for rule in RULES if settings.enabled else ():
        limits = age_limits(settings, rule.kind, sources, now=row.started_at)
        while not (whole := tick.step(rule, limits)) and time.monotonic() < until:
            pass
        if not whole:
            unfinished = True
            break
    erased = erase_requested(
        database, evidence, now=now, limit=FILES_PER_TICK, after=str(tick.cursors.get("file", ""))
    )
    tick.counts.update({"records": erased.records, "files": erased.files_deleted})
    if erased.last_file is not None:
        tick.cursors["file"] = erased.last_file
        unfinished = True
    return tick.write_result(settings, erased.freed, erased.reason, ended=not unfinished)


class _Tick:
    """The part of a pass that one call carries out."""

    def __init__(
        self, database: Database, claimed: ClaimedPass, now: datetime, cursors: dict[str, Any]
    ) -> None:
        self.database = database
        self.claimed = claimed
        self.now = now
        self.cursors = cursors
        self.counts: Counter[str] = Counter()

    def step(self, rule: RetentionRule, limits: AgeLimits) -> bool:
        """Look at the next window of a rule, and delete what goes. Return whether the rule is done."""
        cursor = self.cursors.get(rule.name, 0)
        if cursor == "" or limits.latest is None:
            return True
        with self.database.reading() as session:
            window = session.execute(
                select(rule.table.id, rule.at)
                .where(rule.table.id > cursor)
                .order_by(rule.table.id)
                .limit(WINDOW)
            ).all()
            if not any(at is not None and at < limits.latest for _, at in window):
                # Rows come in the order of time, as far as it matters here: what follows is newer.
                self.cursors[rule.name] = ""
                return True
            last = window[-1][0]
            now_held = replace(limits, holds=bool(open_cases(session)))
            ids = self._that_go(session, rule, now_held, cursor, last)
        if ids:
            self._delete(rule, limits, ids)
        self.cursors[rule.name] = ids[-1] if len(ids) == BATCH else last
        return False

    def _that_go(
        self, session: Session, rule: RetentionRule, limits: AgeLimits, after: int, last: int
    ) -> Sequence[int]:
        inside: tuple[ColumnElement[bool], ...] = (rule.table.id > after, rule.table.id <= last)
        query = select(rule.table.id).where(*inside, *rule.goes(limits, self.now))
        return session.scalars(query.order_by(rule.table.id).limit(BATCH)).all()

    def _delete(self, rule: RetentionRule, limits: AgeLimits, ids: Sequence[int]) -> None:
        """Delete those of the rows that still go: a hold or an alert may have come since."""

        def delete_rows(session: Session) -> Mapping[str, int]:
            lock_deletions(session)
            now_held = replace(limits, holds=bool(open_cases(session)))
            again = select(rule.table.id).where(rule.table.id.in_(ids), *rule.goes(now_held, self.now))
            going = session.scalars(again).all()
            if not going:
                return {}
            deleted = rule.delete(session, going)
            request_removals(session, deleted.places, self.now)
            request_removals(session, deleted.responses, self.now, with_texts=True)
            return deleted.rows

        self.counts.update(self.database.write(delete_rows))

    def write_result(
        self, settings: RetentionSettings, freed: int, reason: str | None, *, ended: bool
    ) -> PassProgress:
        """Write cursors and counts, and the outcome if the pass has ended; nothing if the claim was lost."""

        def write_row(session: Session) -> PassOutcome | None:
            mine = (RetentionPass.id == self.claimed.pass_id, RetentionPass.epoch == self.claimed.epoch)
            row = session.scalar(select(RetentionPass).where(*mine).with_for_update())
            if row is None:
                return None
            counts = Counter(row.counts)
            counts.update(self.counts)
            kept = {name: count for name, count in counts.items() if count}
            outcome = _outcome_of(settings, kept, reason or row.reason) if ended else None
            values: dict[str, Any] = {
                "cursors": self.cursors,
                "counts": kept,
                "bytes_freed": row.bytes_freed + freed,
                "reason": row.reason or reason,
                "not_before": self.now,
            }
            if outcome is not None:
                values |= {"state": PassState.FINISHED, "finished_at": self.now, "outcome": outcome}
                values["not_before"] = self.now + timedelta(hours=settings.every_h)
                _forget_old_passes(session)
            written = state_moved(session, update(RetentionPass).where(*mine).values(values))
            return outcome if written else None

        return PassProgress(dict(self.counts), freed, self.database.write(write_row))


def _outcome_of(settings: RetentionSettings, counts: Mapping[str, int], reason: str | None) -> PassOutcome:
    if reason is not None:
        return PassOutcome.FILES_LEFT
    if not settings.enabled:
        return PassOutcome.DISABLED
    return PassOutcome.DELETED if counts else PassOutcome.NOTHING_OLD


def _forget_old_passes(session: Session) -> None:
    newest = select(RetentionPass.id).order_by(RetentionPass.id.desc()).offset(KEPT_PASSES).limit(1)
    last = session.scalar(newest)
    if last is not None:
        session.execute(delete(RetentionPass).where(RetentionPass.id <= last))


def pass_by_id(session: Session, pass_id: int) -> RetentionPass | None:
    return session.get(RetentionPass, pass_id)


def recent_passes(session: Session, *, limit: int) -> Sequence[RetentionPass]:
    """Return passes, newest first."""
    return session.scalars(select(RetentionPass).order_by(RetentionPass.id.desc()).limit(limit)).all()


def kinds_off(settings: RetentionSettings) -> list[RetentionKind]:
    """Return the kinds of which nothing ever goes."""
    return [kind for kind in RetentionKind if not getattr(settings, f"{kind.value}_days")]
