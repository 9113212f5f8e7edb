"""The embedded engine: finds what is due in the rows and calls the handlers, in threads, inside one process.

It stands behind the seam of storage.work, so another engine can take its place. It keeps no state worth
saving: what is due is in the rows, an announcement only saves the wait for the next look, and a second call
of a handler for the same row does nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
from storage.work import Handler, Work, WorkKind

TICK_S = 1.0  # between two looks at the rows
LOOK_AHEAD = 256  # ids of one kind taken at one look, beside those that are known to rest or to wait
FIRST_REST_S = 2.0  # after a handler's first failure on a row; doubles each time
LONGEST_REST_S = 300.0
SILENT_S = 15.0  # without a successful look at the rows the engine counts as dead


log = structlog.get_logger()


class DueWork(Protocol):
    """The question every noun of storage answers: the ids of the rows that are due, the oldest first."""

    def __call__(self, session: Session, *, now: datetime, limit: int) -> Sequence[int]: ...


@dataclass(frozen=True)
class Lane:
    """One kind of work: who does it, how its due rows are found, how many are done at the same time."""

    kind: WorkKind
    handler: Handler
    due: DueWork
    workers: int = 1


@dataclass
class _Resting:
    failures: int
    until: float


@dataclass
class _Line:
    """A lane at work. `waiting` and `in_hand` never share an id; `lock` guards everything in here.

    `put_off` are rows that a look found due after their handler had let them go (a run in its site's quiet
    hours, say), the one that was asked longest ago first.
    """

    lane: Lane
    lock: threading.Condition = field(default_factory=threading.Condition)
    waiting: deque[int] = field(default_factory=deque)
    queued: set[int] = field(default_factory=set)
    in_hand: dict[int, float] = field(default_factory=dict)
    resting: dict[int, _Resting] = field(default_factory=dict)
    let_go: dict[int, None] = field(default_factory=dict)
    put_off: dict[int, None] = field(default_factory=dict)
    threads: int = 0

    def replace(self, lane: Lane) -> None:
        with self.lock:
            self.lane = lane
            self.lock.notify_all()

    def room(self) -> int:
        """How many rows a look asks for. Those that it will not find new hide none behind them."""
        with self.lock:
            return LOOK_AHEAD + len(self.resting) + len(self.put_off)

    def found(self, due: Sequence[int], now: float) -> None:
        """Take what a look found: first what is new, then, as far as there is room, what may wait still."""
        with self.lock:
            self._forget(due)
            self.offer([row_id for row_id in due if row_id not in self.put_off], now)
            again = (row_id for row_id in self.put_off if row_id not in self.queued)
            self.offer(list(islice(again, max(0, LOOK_AHEAD - len(self.waiting)))), now)

    def _forget(self, due: Sequence[int]) -> None:
        """Rows that are not due any more need no rest and are not asked: both stay as small as can be."""
        still = set(due)
        self.resting = {row_id: rest for row_id, rest in self.resting.items() if row_id in still}
        asked_before = [row_id for row_id in self.put_off if row_id not in self.let_go]
        self.put_off = dict.fromkeys(row_id for row_id in (*asked_before, *self.let_go) if row_id in still)
        self.let_go.clear()

    def offer(self, row_ids: Sequence[int], now: float) -> None:
        """Take what is neither waiting, nor being done, nor resting after a failure."""
        with self.lock:
            for row_id in row_ids:
                rest = self.resting.get(row_id)
                if row_id in self.queued or row_id in self.in_hand or (rest and rest.until > now):
                    continue
                self.waiting.append(row_id)
                self.queued.add(row_id)
            WORK_WAITING.labels(self.lane.kind).set(len(self.waiting))
            self.lock.notify_all()

    def take(self, stopping: threading.Event) -> int | None:
        """The next row, waiting for one and for a place; None when the engine stops."""
        with self.lock:
            self.lock.wait_for(lambda: self._has_next() or stopping.is_set())
            if stopping.is_set():
                return None
            row_id = self.waiting.popleft()
            self.queued.discard(row_id)
            self.in_hand[row_id] = time.monotonic()
            self._show()
            return row_id

    def done(self, row_id: int) -> None:
        with self.lock:
            del self.in_hand[row_id]
            self.resting.pop(row_id, None)
            self.let_go[row_id] = None
            self._show()
            self.lock.notify()

    def failed(self, row_id: int) -> float:
        """Lay the row aside for a while; returns how long, in seconds."""
        with self.lock:
            del self.in_hand[row_id]
            self.put_off.pop(row_id, None)
            failures: int = self.resting[row_id].failures + 1 if row_id in self.resting else 1
            rest_s = min(FIRST_REST_S * 2.0 ** (failures - 1), LONGEST_REST_S)
            self.resting[row_id] = _Resting(failures, time.monotonic() + rest_s)
            self._show()
            self.lock.notify()
            return rest_s

    def _has_next(self) -> bool:
        """A lane that was narrowed has more threads than places."""
        return bool(self.waiting) and len(self.in_hand) < self.lane.workers

    def _show(self) -> None:
        WORK_WAITING.labels(self.lane.kind).set(len(self.waiting))
        WORK_IN_HAND.labels(self.lane.kind).set(len(self.in_hand))


class EmbeddedEngine:
    """A Dispatcher with worker threads; they are daemons, so a stuck handler cannot keep the process."""

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
        self._lines: dict[WorkKind, _Line] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._last_look = time.monotonic()

    def serve(self, lanes: Sequence[Lane]) -> None:
        """Set the lanes, or replace their handlers and their width later: work in hand ends with the old
        ones.
        """
        for lane in lanes:
            if lane.kind in self._lines:
                self._lines[lane.kind].replace(lane)
            else:
                self._lines[lane.kind] = _Line(lane)
        if self._threads:
            self._staff()

    def announce(self, session: Session, work: Work) -> None:
        """Offer this row to its lane once the session has committed; nothing happens if it rolls back."""
        event.listen(session, "after_commit", lambda _session: self.wake(work), once=True)

    def wake(self, work: Work) -> None:
        """The same for work that is committed already, such as what a run's child announces."""
        if line := self._lines.get(work.kind):
            line.offer([work.row_id], time.monotonic())

    def start(self) -> None:
        self._last_look = time.monotonic()
        self._begin("engine", self._look_out)
        self._staff()

    def stop(self, timeout_s: float) -> list[WorkKind]:
        """Begin nothing more and wait for what is in hand; returns the kinds that did not end in time."""
        self._stopping.set()
        for line in self._lines.values():
            with line.lock:
                line.lock.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [kind for kind, line in self._lines.items() if line.in_hand]

    def busy(self) -> bool:
        """Whether anything waits or is in hand."""
        return any(line.waiting or line.in_hand for line in self._lines.values())

    def ailment(self) -> str | None:
        """What is wrong in a sentence, or None: it looks at the rows and has all its threads."""
        silent_s = time.monotonic() - self._last_look
        if silent_s > self._silent_s:
            return f"no look at the database has succeeded for {silent_s:.0f} s"
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        return f"threads have ended: {', '.join(dead)}" if dead and not self._stopping.is_set() else None

    def _staff(self) -> None:
        """A thread for each place; threads without a place wait."""
        for line in self._lines.values():
            while line.threads < line.lane.workers:
                line.threads += 1
                self._begin(f"{line.lane.kind}-{line.threads}", self._work, line)

    def _begin(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _look_out(self) -> None:
        """1. ask every noun what is due, 2. hand it to the lanes, 3. rest; a failing database is no end."""
        failing = False
        while not self._stopping.is_set():
            try:
                self._look()
                if failing:
                    log.info("The database answers again.", action="database_back")
                failing = False
                self._last_look = time.monotonic()
            except StorageError as error:
                if not failing:
                    log.error(
                        f"The rows cannot be read: {error}",
                        action="database_unreachable",
                        reason=error.reason,
                    )
                failing = True
            self._stopping.wait(self._tick_s)

    def _look(self) -> None:
        with self._database.reading() as session:
            for line in self._lines.values():
                due = line.lane.due(session, now=self._clock(), limit=line.room())
                line.found(due, time.monotonic())

    def _work(self, line: _Line) -> None:
        while (row_id := line.take(self._stopping)) is not None:
            self._handle(line, row_id)

    def _handle(self, line: _Line, row_id: int) -> None:
        kind = line.lane.kind
        try:
            with WORK_SECONDS.labels(kind).time():
                line.lane.handler(row_id)
        except Exception as error:
            rest_s = line.failed(row_id)
            WORK.labels(kind, "failed").inc()
            log.exception(
                f"{kind} of row {row_id} failed and is tried again in {rest_s:.0f} s.",
                action="work_failed",
                kind=str(kind),
                row=row_id,
                reason=getattr(error, "reason", type(error).__name__),
            )
        else:
            line.done(row_id)
            WORK.labels(kind, "done").inc()
