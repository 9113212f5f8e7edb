"""The embedded engine: polls the database for due rows and calls their handlers in threads of one process.

It implements the dispatcher of storage.work, so that another engine can replace it. It keeps no state that
must survive: the rows say what is due, an announcement only saves the wait until the next poll, and calling a
handler twice for the same row does nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session

from daemon.metrics import WORK, WORK_IN_HAND, WORK_SECONDS, WORK_WAITING
from storage.database.base import Database
from storage.errors import StorageError
from storage.work import Handler, Work, WorkKind, WorkResult

TICK_S = 1.0  # between two polls
POLL_LIMIT = 256  # new rows of one kind that a poll accepts
FIRST_RETRY_S = 2.0  # wait after a handler's first failure on a row; doubles with each failure
LONGEST_RETRY_S = 300.0
SILENT_S = 15.0  # without a successful poll for this long, the engine reports a problem


log = structlog.get_logger()


class DueWork(Protocol):
    """A query of storage that returns the ids of due rows, oldest first."""

    def __call__(self, session: Session, *, now: datetime, limit: int) -> Sequence[int]: ...


@dataclass(frozen=True)
class Lane:
    """One kind of work: its handler, the query for its due rows, and the number of threads."""

    kind: WorkKind
    handler: Handler
    due: DueWork
    workers: int = 1


@dataclass
class _FailedRow:
    failures: int
    retry_at: float


@dataclass
class _LaneState:
    """The state of a lane. `lock` guards all of it.

    A row id is in at most one of `waiting` (`queued` is the same as a set) and `in_progress` (with its start
    time). `failed_rows` wait for a retry. `released` rows have returned from their handler since the last
    poll. `postponed` rows were still due at a poll after that, for example a run in its site's quiet hours.
    The row that was handled longest ago comes first.
    """

    lane: Lane
    lock: threading.Condition = field(default_factory=threading.Condition)
    waiting: deque[int] = field(default_factory=deque)
    queued: set[int] = field(default_factory=set)
    in_progress: dict[int, float] = field(default_factory=dict)
    failed_rows: dict[int, _FailedRow] = field(default_factory=dict)
    released: dict[int, None] = field(default_factory=dict)
    postponed: dict[int, None] = field(default_factory=dict)
    threads: int = 0
    on_end: dict[int, list[Callable[[], object]]] = field(
        default_factory=dict
    )  # who waits for a row's handler

    def replace(self, lane: Lane) -> None:
        with self.lock:
            self.lane = lane
            self.lock.notify_all()

    def row_limit(self) -> int:
        """Return the number of due rows to fetch per poll.

        Enlarged by the rows already known, so that they cannot crowd out new ones.
        """
        with self.lock:
            return POLL_LIMIT + len(self.failed_rows) + len(self.postponed)

    def accept_due(self, due: Sequence[int], now: float, *, all_due: bool = True) -> None:
        """Accept the due rows of a poll: first new ones, then postponed ones as far as there is room.

        `all_due`: the poll returned every due row, so that any other row is no longer due.
        """
        with self.lock:
            self.forget_rows(due, all_due=all_due)
            self.enqueue([row_id for row_id in due if row_id not in self.postponed], now)
            again = (row_id for row_id in self.postponed if row_id not in self.queued)
            self.enqueue(list(islice(again, max(0, POLL_LIMIT - len(self.waiting)))), now)

    def has(self, row_id: int, now: float) -> bool:
        """Return whether a row waits here, is in progress, or waits for a retry."""
        with self.lock:
            failure = self.failed_rows.get(row_id)
            waits = failure is not None and failure.retry_at > now
            return waits or row_id in self.queued or row_id in self.in_progress

    def enqueue_for(self, row_id: int, on_end: Callable[[], object]) -> bool:
        """Add one row, and call `on_end` when its handler has returned. False: there is nothing to wait for,
        because the row waits for a retry.
        """
        with self.lock:
            self.enqueue([row_id], time.monotonic())
            if row_id not in self.queued and row_id not in self.in_progress:
                return False
            self.on_end.setdefault(row_id, []).append(on_end)
            return True

    def _tell_waiting(self, row_id: int) -> None:
        for on_end in self.on_end.pop(row_id, ()):
            with suppress(RuntimeError):  # the event loop of whoever waited has ended
                on_end()

    def forget_rows(self, due: Sequence[int], *, all_due: bool) -> None:
        """Forget failed and postponed rows that are no longer due, so that neither collection grows forever.

        Behind a backlog they may still be due although the poll did not return them: they are kept then.
        Rows released since the last poll that are still due become the last of the postponed ones.
        """
        still_due = set(due)
        if not all_due:
            still_due |= self.failed_rows.keys() | (self.postponed.keys() - self.released.keys())
        self.failed_rows = {
            row_id: failure for row_id, failure in self.failed_rows.items() if row_id in still_due
        }
        handled_before = [row_id for row_id in self.postponed if row_id not in self.released]
        self.postponed = dict.fromkeys(
            row_id for row_id in (*handled_before, *self.released) if row_id in still_due
        )
        self.released.clear()

    def enqueue(self, row_ids: Sequence[int], now: float) -> None:
        """Add rows to `waiting` that are neither waiting nor in progress nor waiting for a retry."""
        with self.lock:
            for row_id in row_ids:
                if self.has(row_id, now):
                    continue
                self.waiting.append(row_id)
                self.queued.add(row_id)
            WORK_WAITING.labels(self.lane.kind).set(len(self.waiting))
            self.lock.notify_all()

    def next_row(self, stopping: threading.Event) -> int | None:
        """Wait for a row and a free worker, and return the row; None when the engine stops."""
        with self.lock:
            self.lock.wait_for(lambda: self._has_next() or stopping.is_set())
            if stopping.is_set():
                return None
            row_id = self.waiting.popleft()
            self.queued.discard(row_id)
            self.in_progress[row_id] = time.monotonic()
            self._update_gauges()
            return row_id

    def mark_done(self, row_id: int) -> None:
        with self.lock:
            del self.in_progress[row_id]
            self.failed_rows.pop(row_id, None)
            self.released[row_id] = None
            self._update_gauges()
            self._tell_waiting(row_id)
            self.lock.notify()

    def mark_failed(self, row_id: int) -> float:
        """Postpone the row's next attempt. Return the wait in seconds."""
        with self.lock:
            del self.in_progress[row_id]
            self.postponed.pop(row_id, None)
            failures: int = self.failed_rows[row_id].failures + 1 if row_id in self.failed_rows else 1
            wait_s = min(FIRST_RETRY_S * 2.0 ** (failures - 1), LONGEST_RETRY_S)
            self.failed_rows[row_id] = _FailedRow(failures, time.monotonic() + wait_s)
            self._update_gauges()
            self._tell_waiting(row_id)
            self.lock.notify()
            return wait_s

    def _has_next(self) -> bool:
        """Return whether a thread may take a row: after a reload there can be more threads than workers."""
        return bool(self.waiting) and len(self.in_progress) < self.lane.workers

    def _update_gauges(self) -> None:
        WORK_WAITING.labels(self.lane.kind).set(len(self.waiting))
        WORK_IN_HAND.labels(self.lane.kind).set(len(self.in_progress))


class EmbeddedEngine:
    """A dispatcher with daemon threads, so that a hanging handler cannot keep the process from ending."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        tick_s: float = TICK_S,
        silent_s: float = SILENT_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tick_s = tick_s
        self._silent_s = silent_s
        self._lanes: dict[WorkKind, _LaneState] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._last_poll = time.monotonic()
        #: How often storage failed while something was handled, or looked for: claims may have strayed then.
        self.storage_failures = 0

    def serve(self, lanes: Sequence[Lane]) -> None:
        """Set the lanes. A later call replaces their handlers and numbers of workers; work in progress keeps
        the old handler.
        """
        for lane in lanes:
            if lane.kind in self._lanes:
                self._lanes[lane.kind].replace(lane)
            else:
                self._lanes[lane.kind] = _LaneState(lane)
        if self._threads:
            self._start_workers()

    def announce(self, session: Session, work: Work) -> None:
        """Enqueue this row once the session has committed. Nothing happens if it rolls back."""
        event.listen(session, "after_commit", lambda _session: self.wake(work), once=True)

    def wake(self, work: Work) -> None:
        """Enqueue a row that is already committed, for example one that a run's process announces."""
        if state := self._lanes.get(work.kind):
            state.enqueue([work.row_id], time.monotonic())

    def start(self) -> None:
        self._last_poll = time.monotonic()
        self._start_thread("engine", self._poll_loop)
        self._start_workers()

    def stop(self, timeout_s: float) -> list[WorkKind]:
        """Start no more work and wait for work in progress. Return the kinds that did not end in time."""
        self._stopping.set()
        for state in self._lanes.values():
            with state.lock:
                state.lock.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [kind for kind, state in self._lanes.items() if state.in_progress]

    def busy(self) -> bool:
        """Return whether any row is waiting or in progress."""
        return any(state.waiting or state.in_progress for state in self._lanes.values())

    def in_progress(self) -> set[Work]:
        """Return the rows whose handlers are at work."""
        found: set[Work] = set()
        for kind, state in self._lanes.items():
            with state.lock:
                found.update(Work(kind, row_id) for row_id in state.in_progress)
        return found

    def problem(self) -> str | None:
        """Say what is wrong; None if polls succeed and all threads are alive."""
        silent_s = time.monotonic() - self._last_poll
        if silent_s > self._silent_s:
            return f"reading due work from the database has failed for {silent_s:.0f} s"
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        return f"threads have ended: {', '.join(dead)}" if dead and not self._stopping.is_set() else None

    def _start_workers(self) -> None:
        """Start one thread per worker. Threads beyond the number of workers wait."""
        for state in self._lanes.values():
            while state.threads < state.lane.workers:
                state.threads += 1
                self._start_thread(f"{state.lane.kind}-{state.threads}", self._work_loop, state)

    def _start_thread(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _poll_loop(self) -> None:
        """Poll and wait until the engine stops. A failing database is logged once, and polls continue."""
        failing = False
        while not self._stopping.is_set():
            try:
                self._poll_rows()
                if failing:
                    log.info("The database can be read again.", action="database_back")
                failing = False
                self._last_poll = time.monotonic()
            except StorageError as error:
                self.storage_failures += 1
                if not failing:
                    log.error(
                        f"Cannot read due work from the database: {error}",
                        action="database_unreachable",
                        reason=error.reason,
                    )
                failing = True
            self._stopping.wait(self._tick_s)

    def _poll_rows(self) -> None:
        with self._database.reading() as session:
            for state in self._lanes.values():
                limit = state.row_limit()
                due = state.lane.due(session, now=self._clock(), limit=limit)
                state.accept_due(due, time.monotonic(), all_due=len(due) < limit)

    def _work_loop(self, state: _LaneState) -> None:
        while (row_id := state.next_row(self._stopping)) is not None:
            self._handle(state, row_id)

    def _handle(self, state: _LaneState, row_id: int) -> None:
        kind, began = state.lane.kind, time.monotonic()
        try:
            result = state.lane.handler(row_id) or WorkResult.DONE
        except Exception as error:  # noqa: BLE001 - it is logged, and the row is tried again
            wait_s = state.mark_failed(row_id)
            self.storage_failures += isinstance(error, StorageError)
            WORK.labels(kind, "failed").inc()
            log.error(
                f"Work {kind} of row {row_id} failed. It is tried again in {wait_s:.0f} s.",
                action="work_failed",
                kind=str(kind),
                row=row_id,
                reason=getattr(error, "reason", type(error).__name__),
                # A storage error says everything itself, and a full disk would be filled with tracebacks.
                **({"detail": str(error)} if isinstance(error, StorageError) else {"exc_info": error}),
            )
        else:
            state.mark_done(row_id)
            WORK.labels(kind, result).inc()
            if result is WorkResult.WAITED:
                return
        WORK_SECONDS.labels(kind).observe(time.monotonic() - began)
