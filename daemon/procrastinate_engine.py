"""The engine for several nodes: procrastinate says at once which row to look at, and the rows say the rest.

It is the embedded engine with another bell:

1. An announcement is a job, written in the same transaction as the row. A worker of procrastinate takes the
   job, puts the row into its lane, and is busy until the handler has returned. So a node that has no place
   left takes no job, and an idle one has it at once.
2. The poll goes on, less often. It announces what is due and not announced. Only while the workers do not
   run does it take rows itself, as in the embedded engine.
3. Jobs of workers that are gone are deleted. They are never tried again: their rows are due.

No job has a lock, a queueing lock or a retry of its own: with a queueing lock a job that cannot be tried
again stays forever (procrastinate #1446), and with a lock one job for later holds up all others (#1599).

The workers live in one thread with an event loop. If the database is away they end, and are started again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from sqlalchemy.orm import Session

from daemon.engine import EmbeddedEngine, Lane
from daemon.metrics import BELLS_RESTARTED
from daemon.roles import JUDGING
from storage.database.base import Database
from storage.database.connect import CONNECT_TIMEOUT_S
from storage.database.job_schema import JOB_SCHEMA, TASK_NAME
from storage.doorbell import announced_rows, queues_of, ring
from storage.errors import StorageError
from storage.work import NodeRoute, Work, WorkKind

POLL_S = (
    3.0  # between two polls of the rows, which find what is due at a certain time, or was never announced
)
BACKLOG = 2_000  # announced rows of one kind, from which on a poll announces no more
FETCH_S = 10.0  # between two looks for jobs that no notification told of
HEARTBEAT_S = 5.0
SWEEP_S = 10.0  # between two sweeps of jobs
STALLED_S = 30.0  # without a heartbeat, a worker of procrastinate is gone
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0  # before the workers are started again
ENDING_S = 0.2  # for jobs in progress when the workers end; their rows go on
POOL_SIZE = 4
NEARLY_NEVER = "0 0 29 2 *"

log = structlog.get_logger()


@dataclass(frozen=True)
class _Bell:
    """One worker of procrastinate: the kinds that it listens for, and how many jobs it takes at once."""

    kinds: tuple[WorkKind, ...]
    places: int


class ProcrastinateEngine(EmbeddedEngine):
    """A dispatcher and engine for several nodes on one PostgreSQL."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        routes: Sequence[str] = tuple(NodeRoute),
        tick_s: float = POLL_S,
        sweep_s: float = SWEEP_S,
    ) -> None:
        super().__init__(database, clock=clock, tick_s=tick_s)
        self._sweep_s = sweep_s
        self._routes = routes
        self._bells_problem: str | None = None
        self._bells_changed = threading.Event()
        #: The workers that this process had, and the jobs that it looks at now.
        self._worker_ids: set[int] = set()
        self._looking: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ringing: asyncio.Task[None] | None = None

    # --- announcements

    def announce(self, session: Session, work: Work) -> None:
        ring(session, work.kind, [work.row_id])

    def wake(self, work: Work) -> None:
        """Announce a row that is already committed; if that fails, a poll finds it."""
        with suppress(StorageError), self._database.transaction() as session:
            ring(session, work.kind, [work.row_id])

    # --- the engine

    def serve(self, lanes: Sequence[Lane]) -> None:
        before = self._bells()
        super().serve(lanes)
        if self._bells() != before:
            self._bells_changed.set()
            self._cancel_bells()

    def start(self) -> None:
        super().start()
        self._start_thread("bells", self._ring_loop)

    def stop(self, timeout_s: float) -> list[WorkKind]:
        self._stopping.set()
        self._cancel_bells()
        return super().stop(timeout_s)

    def problem(self) -> str | None:
        return super().problem() or self._bells_problem

    def _poll_rows(self) -> None:
        """Announce what is due and not announced. While the workers do not run, take it without them."""
        for state in self._lanes.values():
            with self._database.reading() as session:
                limit = state.row_limit()
                due = state.lane.due(session, now=self._clock(), limit=limit)
                announced = announced_rows(session, state.lane.kind, limit=BACKLOG) if due else set()
            all_due, now = len(due) < limit, time.monotonic()
            if self._bells_problem is not None:
                state.accept_due(due, now, all_due=all_due)
                continue
            with state.lock:
                state.forget_rows(due, all_due=all_due)
                rows = [each for each in due if each not in announced and not state.has(each, now)]
            if rows and len(announced) < BACKLOG:
                with self._database.transaction() as session:
                    ring(session, state.lane.kind, rows)

    # --- the workers of procrastinate

    def _bells(self) -> list[_Bell]:
        lanes = [state.lane for state in self._lanes.values()]
        alone = [_Bell((lane.kind,), lane.workers) for lane in lanes if lane.kind not in JUDGING]
        judging = [lane for lane in lanes if lane.kind in JUDGING]
        together = _Bell(tuple(lane.kind for lane in judging), sum(lane.workers for lane in judging))
        return [*alone, together] if judging else alone

    def _ring_loop(self) -> None:
        asyncio.run(self._ring_until_stopped())

    async def _ring_until_stopped(self) -> None:
        """Keep the workers running. A failure is logged once, and tried again until it has gone."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_report_exception)
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._ringing = asyncio.create_task(self._ring())
                await self._ringing
            except asyncio.CancelledError:
                if self._bells_changed.is_set():
                    self._bells_changed.clear()
                    continue
                if not self._stopping.is_set():
                    raise
                return
            except Exception as error:  # noqa: BLE001 - it is logged and reported, and the workers start again
                if self._stopping.is_set():
                    return
                self._report_end(error)
                pause_s = FIRST_PAUSE_S if time.monotonic() - began > LONGEST_PAUSE_S else pause_s * 2
                await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))

    def _report_end(self, error: Exception) -> None:
        BELLS_RESTARTED.inc()
        write = log.debug if self._bells_problem else log.warning
        write(
            "The workers of procrastinate ended, and are started again. Until then work is found by polls.",
            action="bells_ended",
            reason=type(error).__name__,
        )
        self._bells_problem = "the workers of procrastinate do not run; work is found by polls only"

    async def _ring(self) -> None:
        app = App(connector=self._connector())
        app.task(name=TASK_NAME, pass_context=True)(self._look)
        # A worker without a periodic task does not notice that it hears no notifications any more (#1597).
        app.periodic(cron=NEARLY_NEVER)(app.task(name="nothing", queue="nothing")(_do_nothing))
        async with app.open_async():
            sweeping = asyncio.create_task(self._sweep_jobs(app))
            workers = [asyncio.create_task(self._run_worker(app, bell)) for bell in self._bells()]
            try:
                done, _ = await asyncio.wait([sweeping, *workers], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                raise ConnectorException("a worker ended by itself")
            finally:
                for task in (sweeping, *workers):
                    task.cancel()
                await asyncio.gather(sweeping, *workers, return_exceptions=True)

    def _connector(self) -> PsycopgConnector:
        url = self._database.engine.url.set(drivername="postgresql")
        options = f"{url.query.get('options', '')} -c search_path={JOB_SCHEMA} -c timezone=UTC"
        return PsycopgConnector(
            conninfo=url.difference_update_query(["options"]).render_as_string(hide_password=False),
            kwargs={
                "application_name": "spillwatch bells",
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": options,
            },
            min_size=1,
            max_size=POOL_SIZE,
            timeout=10,
            reconnect_timeout=5,
        )

    async def _run_worker(self, app: App, bell: _Bell) -> None:
        await app.run_worker_async(
            queues=[queue for kind in bell.kinds for queue in queues_of(kind, self._routes)],
            name="-".join(bell.kinds[:1]),
            concurrency=bell.places,
            fetch_job_polling_interval=FETCH_S,
            shutdown_graceful_timeout=ENDING_S,
            delete_jobs="always",
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_S,
            install_signal_handlers=False,
        )

    async def _sweep_jobs(self, app: App) -> None:
        """Delete the jobs of workers that are gone, and whatever else has ended and is still there.

        A worker here may be alive although the database was away when one of its jobs ended. Such a job is
        deleted when two sweeps have found it.
        """
        suspected: set[int] = set()
        while True:
            await app.job_manager.check_connection_async()
            self._bells_problem = None
            stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S)
            doing = await app.job_manager.list_jobs_async(status=Status.DOING.value)
            ended = {
                job.id
                for job in doing
                if job.id is not None and job.worker_id in self._worker_ids and job.id not in self._looking
            }
            for job_id in {job.id for job in stalled if job.id is not None} | (suspected & ended):
                with suppress(ConnectorException):  # another node was faster
                    await app.job_manager.finish_job_by_id_async(job_id, Status.FAILED, delete_job=True)
            suspected = ended
            await app.job_manager.delete_old_jobs(
                nb_hours=0, include_failed=True, include_cancelled=True, include_aborted=True
            )
            await app.job_manager.prune_stalled_workers(STALLED_S)
            await asyncio.sleep(self._sweep_s)

    async def _look(self, context: JobContext, kind: str, row_id: int) -> None:
        """Put the row into its lane, and return when its handler has. The task of every job."""
        job, state = context.job, self._lanes.get(WorkKind(kind))
        if state is None or job.id is None:
            return
        if job.worker_id is not None:
            self._worker_ids.add(job.worker_id)
        loop, handled = asyncio.get_running_loop(), asyncio.Event()
        self._looking.add(job.id)
        try:
            if state.enqueue_for(row_id, lambda: loop.call_soon_threadsafe(handled.set)):
                await handled.wait()
        finally:
            self._looking.discard(job.id)

    def _cancel_bells(self) -> None:
        loop, ringing = self._loop, self._ringing
        if loop is not None and ringing is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(ringing.cancel)


def _report_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave out what procrastinate did not wait for when the database died: `bells_ended` says it."""
    if not isinstance(context.get("exception"), ConnectorException):
        loop.default_exception_handler(context)


async def _do_nothing(timestamp: int) -> None:
    """Nobody listens to the queue of this task."""
