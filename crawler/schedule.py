"""When each source is due: APScheduler keeps the clock, rows keep what was due.

A slot is the moment a run was due; a run row is unique on (source, slot), so however many schedulers there
are, each slot is run once. Slots and their jitter follow from the source's name and schedule alone, so that
a restart finds the same ones; one that passed while nobody was there, or while the database could not be
written, is caught up once.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from pydantic import ValidationError
from sqlalchemy.orm import Session

from crawler import metrics
from crawler.errors import ScheduleRefused
from crawler.sources import SourceDefinition, read_stored
from crawler.sources.hours import QuietHours
from crawler.sources.visits import Schedule
from storage import runs, sources
from storage.database.base import Database
from storage.errors import StorageError
from storage.runs import RunTrigger
from storage.sources import Source
from storage.work import Dispatcher, Work, WorkKind

log = structlog.get_logger()

#: For a source whose file says nothing about when.
DEFAULT_EVERY = timedelta(minutes=15)
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SourceSlots(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no annotations
    """The slots of one source, as APScheduler asks for them."""

    def __init__(
        self, name: str, schedule: Schedule, timezone: str | None = None, *, quiet: QuietHours | None = None
    ) -> None:
        self._name = name
        self._quiet = quiet or QuietHours(())
        self._jitter = schedule.jitter
        self._every = schedule.every or DEFAULT_EVERY
        self._cron = CronTrigger.from_crontab(schedule.cron, timezone or UTC) if schedule.cron else None
        # Sources with the same interval don't all start at once.
        self._phase = self._every * _fraction(name)

    def after(self, moment: datetime) -> datetime | None:
        """The first slot later than `moment`; None when a cron line names a day that never comes.

        All slots in the same quiet hours are one, at their end.
        """
        now = self._quiet.around(moment)
        slot = self._due_after(moment if now is None else now[0] - _TICK)
        if slot is None or (then := self._quiet.around(slot)) is None:
            return slot
        return then[1]

    def _due_after(self, moment: datetime) -> datetime | None:
        """The same, whether it is quiet or not.

        A slot whose plain time has passed may still be to come, by its jitter: hence the look back.
        """
        first: datetime | None = None
        due = self._next(moment - self._jitter)
        while due is not None and (first is None or due < first):
            slot = due + self._jitter * _fraction(f"{self._name} {due.isoformat()}")
            if slot > moment and (first is None or slot < first):
                first = slot
            due = self._next(due)
        return first

    def quiet(self, moment: datetime) -> bool:
        """Whether nothing is due at this moment, whatever the slots say."""
        return self._quiet.around(moment) is not None

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        return self.after(max(previous, now) if previous else now)

    def _next(self, moment: datetime) -> datetime | None:
        """The first one later than `moment`, without jitter."""
        return self._next_cron(moment) if self._cron else self._next_interval(moment)

    def _next_interval(self, moment: datetime) -> datetime:
        passed = math.floor((moment - _EPOCH - self._phase) / self._every)
        return _EPOCH + self._phase + (passed + 1) * self._every

    def _next_cron(self, moment: datetime) -> datetime | None:
        assert self._cron is not None
        due: datetime | None = self._cron.get_next_fire_time(None, moment + _TICK)
        return due and due.astimezone(UTC)


def _fraction(text: str) -> float:
    """A number in [0, 1) that looks random and is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48


class _Enqueue(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no annotations
    """APScheduler's executor, whose work is one row; the slot is when the job was due, not when it woke.

    `owing` is set when a row could not be written.
    """

    def __init__(self, enqueue: Callable[[int, datetime], None], owing: threading.Event) -> None:
        super().__init__()
        self._enqueue = enqueue
        self._owing = owing

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        try:
            self._enqueue(job.args[0], run_times[-1])
        except StorageError as error:
            log.error(
                f"A due run could not be written, and is caught up when it can be: {error}",
                action="slot_late",
                reason=error.reason,
            )
            self._owing.set()
            self._run_job_error(job.id, error, error.__traceback__)
        else:
            self._run_job_success(job.id, [])


#: Which sources are to be run, by id, and when.
Plan = Mapping[int, SourceSlots]


class RunSchedule:
    """Writes a run row whenever a source is due, and announces it."""

    def __init__(self, *, database: Database, dispatcher: Dispatcher, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._clock = clock
        self._owing = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": _Enqueue(self._due, self._owing)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self.reload()
        self._scheduler.start()

    def reload(self) -> None:
        """Take the sources' schedules from the database; if it fails, what was followed before still is."""
        with self._database.transaction() as session:
            plan = self.plan(session)
        self.follow(plan)

    def plan(self, session: Session) -> Plan:
        """Read what is to be run, and enqueue what was missed, in the caller's transaction; `follow` the
        plan once that is committed.
        """
        plan = {}
        for source in sources.active_sources(session):
            try:
                plan[source.id] = slots_of(source)
            except ScheduleRefused as error:
                log.error(str(error), action="schedule_refused", source=source.name, reason=error.reason)
                continue
            self._catch_up(session, source.id, plan[source.id])
        return plan

    def follow(self, plan: Plan) -> None:
        """From now on run these and no others. Touches no database, so that it cannot stop half-way."""
        # Nothing is lost between the two: slots follow from the clock alone.
        self._scheduler.remove_all_jobs()
        for source_id, slots in plan.items():
            self._scheduler.add_job(_not_called, slots, args=(source_id,), id=str(source_id))

    def pay(self) -> None:
        """Catch up the slots that could not be written when they were due; call it now and then, it costs
        nothing while there are none. Raises StorageError when they still cannot be written.
        """
        if not self._owing.is_set():
            return
        self._owing.clear()  # first, so that a slot that is lost meanwhile is not forgotten
        try:
            self.reload()
        except StorageError:
            self._owing.set()
            raise

    def source_ids(self) -> frozenset[int]:
        """The sources that are run by it."""
        return frozenset(job.args[0] for job in self._scheduler.get_jobs())

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown()

    def _catch_up(self, session: Session, source_id: int, slots: SourceSlots) -> None:
        """Enqueue one run for the first slot missed since the last run, if any; a source that never ran has
        missed one.
        """
        now = self._clock()
        last = runs.last_slot(session, source_id)
        if last is None:
            if slots.quiet(now):
                return
            self._enqueue(session, source_id, now, RunTrigger.SCHEDULE)
        elif (missed := slots.after(last.queued_at)) is not None and missed <= now:
            self._enqueue(session, source_id, missed, RunTrigger.CATCH_UP)

    def _due(self, source_id: int, slot: datetime) -> None:
        with self._database.transaction() as session:
            run_id = self._enqueue(session, source_id, slot, RunTrigger.SCHEDULE)
        if run_id is None:
            log.info(
                "A due run was left out: the last one goes on.", action="slot_skipped", source_id=source_id
            )
            metrics.SLOTS_SKIPPED.inc()

    def _enqueue(self, session: Session, source_id: int, slot: datetime, trigger: RunTrigger) -> int | None:
        due = slot.isoformat(timespec="seconds")
        run_id = runs.enqueue_run(session, source_id, slot=due, trigger=trigger, now=self._clock())
        if run_id is not None:
            self._dispatcher.announce(session, Work(WorkKind.RUN, run_id))
        return run_id


def slots_of(source: Source) -> SourceSlots:
    """Raise `ScheduleRefused` when the stored definition cannot be used (another version wrote it)."""
    try:
        definition: SourceDefinition = read_stored(source.definition)
        quiet = QuietHours(definition.politeness.quiet, timezone=definition.timezone)
        return SourceSlots(source.name, definition.schedule, definition.timezone, quiet=quiet)
    except (ValidationError, ValueError) as error:
        raise ScheduleRefused(
            f"The schedule of {source.name} could not be read from the database, so it is not run; "
            "sync its file again."
        ) from error


def _not_called(source_id: int) -> None:
    """A job's function, which APScheduler wants; the executor writes the row instead."""
