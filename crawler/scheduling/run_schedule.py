"""Scheduled runs: APScheduler watches the clock, and each due run becomes a row.

A run row is unique on (source, slot), so each slot is run once, however many schedulers there are. If slots
passed while no daemon ran, or while the database could not be written, one run catches up for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session

from crawler import metrics
from crawler.errors import ScheduleRefused
from crawler.scheduling.source_slots import SourceSlots, slots_of
from storage import runs, sources
from storage.database.base import Database
from storage.errors import StorageError
from storage.runs import RunTrigger
from storage.schedule_keeping import note_slot
from storage.work import Dispatcher, Work, WorkKind

log = structlog.get_logger()


class _RowExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no annotations
    """APScheduler's executor, which only writes a row; the slot is when the job was due, not when it woke.

    `unwritten` is set if a row could not be written.
    """

    def __init__(self, enqueue: Callable[[int, datetime], None], unwritten: threading.Event) -> None:
        super().__init__()
        self._enqueue = enqueue
        self._unwritten = unwritten

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        try:
            self._enqueue(job.args[0], run_times[-1])
        except StorageError as error:
            log.error(
                f"A due run could not be written; it is caught up later: {error}",
                action="slot_late",
                reason=error.reason,
            )
            self._unwritten.set()
        # For APScheduler both are done: told of an error, it would log a traceback that says nothing more.
        self._run_job_success(job.id, [])


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """The slots of a source, and the first one that no run row stands for when the plan was made."""

    slots: SourceSlots
    next_slot: datetime | None


#: The sources to run, by id.
Plan = Mapping[int, PlannedSource]


class RunSchedule:
    """Writes a run row whenever a source is due, and announces it."""

    def __init__(self, *, database: Database, dispatcher: Dispatcher, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._clock = clock
        self._unwritten = threading.Event()
        # The sources' revision of the plan that was made last, and of the one that is followed.
        self._planned: int | None = None
        self._followed: int | None = None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": _RowExecutor(self._write_due_run, self._unwritten)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self.reload()
        self._scheduler.start()

    def reload(self) -> None:
        """Read the sources' schedules from the database; on an error the previous plan stays in force."""
        with self._database.transaction() as session:
            plan = self.plan(session)
        self.follow(plan)

    def plan(self, session: Session) -> Plan:
        """Return the slots of all sources, and enqueue missed runs, in the caller's transaction.

        Call `follow` with the plan once the transaction is committed.
        """
        self._planned = sources.revision(session)  # first: a change in between is read twice, not never
        plan: dict[int, PlannedSource] = {}
        missed: list[tuple[int, str, RunTrigger]] = []
        last_queued = runs.last_queued(session)
        for source in sources.active_sources(session):
            try:
                slots = slots_of(source)
            except ScheduleRefused as error:
                log.error(str(error), action="schedule_refused", source=source.name, reason=error.reason)
                continue
            now = self._clock()
            if (due := _missed_slot(slots, last_queued.get(source.id), now)) is not None:
                missed.append((source.id, _slot_name(due[0]), due[1]))
            plan[source.id] = PlannedSource(slots, slots.after(now))
        for run_id in runs.enqueue_runs(session, missed, now=self._clock()):
            self._dispatcher.announce(session, Work(WorkKind.RUN, run_id))
        return plan

    def follow(self, plan: Plan) -> None:
        """Replace the plan. It does not use the database, so it cannot stop half-way."""
        # A slot that passes between plan and addition is not lost: each job begins where the plan ended.
        self._scheduler.remove_all_jobs()
        for source_id, planned in plan.items():
            if planned.next_slot is not None:
                self._scheduler.add_job(
                    _never_called,
                    planned.slots,
                    args=(source_id,),
                    id=str(source_id),
                    next_run_time=planned.next_slot,
                )
        self._followed = self._planned

    def follow_changes(self) -> bool:
        """Make a new plan if sources were changed by another process, such as the console; return whether.

        Call it regularly. Raises StorageError.
        """
        with self._database.reading() as session:
            revision = sources.revision(session)
        if revision == self._followed:
            return False
        self.reload()
        return True

    def write_missed_slots(self) -> None:
        """Catch up slots that could not be written when they were due; it costs nothing if there are none.

        Call it regularly. Raises StorageError if they still cannot be written.
        """
        if not self._unwritten.is_set():
            return
        self._unwritten.clear()  # first, so that a slot lost in the meantime is not forgotten
        try:
            self.reload()
        except StorageError:
            self._unwritten.set()
            raise

    def source_ids(self) -> frozenset[int]:
        """Return the sources that it runs."""
        return frozenset(job.args[0] for job in self._scheduler.get_jobs())

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown()

    def _write_due_run(self, source_id: int, slot: datetime) -> None:
        with self._database.transaction() as session:
            run_id = self._enqueue(session, source_id, slot, RunTrigger.SCHEDULE)
            # After a reload, a slot may come a second time: its row was written in the meantime.
            written = run_id is not None or runs.has_slot(session, source_id, _slot_name(slot))
            note_slot(session, source_id, kept=written, now=self._clock())
        if not written:
            log.info(
                "Skipped a scheduled run: the previous one is still running.",
                action="slot_skipped",
                source_id=source_id,
            )
            metrics.SLOTS_SKIPPED.inc()

    def _enqueue(self, session: Session, source_id: int, slot: datetime, trigger: RunTrigger) -> int | None:
        run_id = runs.enqueue_run(
            session, source_id, slot=_slot_name(slot), trigger=trigger, now=self._clock()
        )
        if run_id is not None:
            self._dispatcher.announce(session, Work(WorkKind.RUN, run_id))
        return run_id


def _missed_slot(
    slots: SourceSlots, last: datetime | None, now: datetime
) -> tuple[datetime, RunTrigger] | None:
    """Return the slot that was missed since the last run; a source that never ran has missed one."""
    if last is None:
        return None if slots.is_quiet(now) else (now, RunTrigger.SCHEDULE)
    missed = slots.after(last)
    return (missed, RunTrigger.CATCH_UP) if missed is not None and missed <= now else None


def _slot_name(slot: datetime) -> str:
    return slot.isoformat(timespec="seconds")


def _never_called(source_id: int) -> None:
    """Stand for a job's function, which APScheduler requires; the executor writes the row instead."""
