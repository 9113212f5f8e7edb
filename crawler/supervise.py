"""Runs in child processes: whatever a site makes a run do, it does to that process alone.

`Supervisor.run` is the handler of RUN work. Its steps:
1. claim the row, if its site is not being asked for another source;
2. start the child in a session of its own and hand it the job;
3. pass on what it says until it ends; at its deadline, or when we stop, SIGTERM and after a grace SIGKILL;
4. write the outcome if the child could not, patiently: the database may be away for a while;
5. count.

A run whose outcome could not be written is due again when storage.runs.RUN_LEASE is over, and is ended then.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast

import structlog
from pydantic import SecretStr
from sqlalchemy.orm import Session

from crawler import metrics, sites
from crawler.cookies import first_cookie_expiry, read_cookies
from crawler.errors import CookiesRefused
from crawler.job import MAX_LINE_BYTES, ChildExit, Failure, Job, RunProgress, message_of
from crawler.outcome import RunEnding, conclude
from crawler.settings import CrawlerSettings
from crawler.structure import PageStructure
from storage import runs
from storage.database.base import BUSY_TIMEOUT_S, Database
from storage.errors import StorageError
from storage.runs import READ, Run, RunOutcome, RunState
from storage.work import Dispatcher, Work

log = structlog.get_logger()

CHILD = (sys.executable, "-m", "daemon.run_process")
#: How soon a stop or a deadline is noticed while the child says nothing.
TICK_S = 0.1
#: Between two attempts to write, while the database restarts; about a minute in all.
WRITE_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: Of the child's last words, for the log: a looping library must not fill our memory.
MAX_WORDS_LINES = 40
MAX_WORDS_LINE_BYTES = 2_000


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Child:
    """A running child and what it said; `ended_for` is set when it is we who end it."""

    process: subprocess.Popen[bytes]
    lines: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    words: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_WORDS_LINES))
    readers: list[threading.Thread] = field(default_factory=list)
    failure: Failure | None = None
    ended_for: RunOutcome | None = None

    def listen(self, mask: Callable[[str], str]) -> None:
        """Read both of its outputs from now on, so that it never waits for us."""
        for stream, limit, take in (
            (self.process.stdout, MAX_LINE_BYTES, self.lines.put),
            (self.process.stderr, MAX_WORDS_LINE_BYTES, lambda line: self.words.append(mask(_text(line)))),
        ):
            reader = threading.Thread(target=_read, args=(stream, limit, take), daemon=True)
            reader.start()
            self.readers.append(reader)

    def said(self) -> list[bytes]:
        """The lines since the last call; waits a moment for the first."""
        heard = []
        with suppress(queue.Empty):
            heard.append(self.lines.get(timeout=TICK_S))
            while True:
                heard.append(self.lines.get_nowait())
        return heard

    def signal(self, number: signal.Signals) -> None:
        """To its whole session, so that nothing it started stays behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def reap(self) -> None:
        """Leave nothing of a child: not its process, what else ran in its session, or the reading threads."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        for reader in self.readers:
            reader.join()


def _read(stream: IO[bytes], limit: int, take: Callable[[bytes], None]) -> None:
    with stream:
        for line in iter(lambda: stream.readline(limit), b""):
            take(line)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip()


class Supervisor:
    """Starts runs and sees them to their end; `stop` may be called from any thread."""

    def __init__(
        self,
        *,
        database: Database,
        database_url: str,
        evidence_dir: Path,
        settings: CrawlerSettings,
        mask: Callable[[str], str],
        dispatcher: Dispatcher,
        relay: Callable[[Work], None],
        on_progress: Callable[[RunProgress], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
        child: Sequence[str] = CHILD,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        with_keys: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        """`relay` is told of work whose rows a child has committed already; `child` is a child's command
        line; `with_keys` are the whole definitions, by their sources' names, of those that the database
        holds without their keys.
        """
        self._database = database
        self._database_url = database_url
        self._busy_timeout_s = busy_timeout_s
        self._evidence_dir = evidence_dir
        self._settings = settings
        self._mask = mask
        self._dispatcher = dispatcher
        self._relay = relay
        self._on_progress = on_progress
        self._clock = clock
        self._command = tuple(child)
        self._with_keys = with_keys
        self._places = threading.BoundedSemaphore(settings.concurrent_runs)
        self._stopping = threading.Event()

    def run(self, run_id: int) -> None:
        """Carry out a queued run; returns when its outcome is written. Ends one that was abandoned, and does
        nothing for any other, nor for one that has to wait: it is due again at the next look.
        """
        with self._places:
            if self._stopping.is_set():
                return
            with self._database.reading() as session:
                run = runs.run_by_id(session, run_id)
                if run is not None and sites.waits(session, run, now=self._clock()):
                    return
            with self._database.transaction() as session:
                run = runs.run_by_id(session, run_id)
                epoch = None if run is None else sites.claim(session, run, now=self._clock())
                abandoned = epoch is None and runs.interrupt_abandoned(session, run_id, now=self._clock())
            if abandoned:
                self._count(run_id)
            if epoch is None or run is None:
                return
            with metrics.RUNS_ACTIVE.track_inprogress():
                self._conclude(run, epoch, self._carry_out(run, epoch))
            self._count(run_id)

    def stop(self) -> None:
        """Begin no run any more and end those that go on, as interrupted; their `run` returns soon after."""
        self._stopping.set()

    def _carry_out(self, run: Run, epoch: int) -> RunEnding:
        log.info("A run begins.", action="run_started", run_id=run.id, source=run.source.name)
        try:
            child = self._start(run, epoch)
        except OSError as error:
            why = f"No process could be started for this run: {error.strerror or error}."
            return RunEnding(RunOutcome.CRASHED, "no_process", why)
        try:
            self._write(partial(runs.record_child_start, run_id=run.id, epoch=epoch, pid=child.process.pid))
            self._attend(child)
        finally:
            child.reap()
        self._hear(child)
        if child.words:
            words = list(child.words)
            log.warning("A run's process had last words.", action="run_words", run_id=run.id, words=words)
        return self._ending(child)

    def _start(self, run: Run, epoch: int) -> _Child:
        job = Job(
            run_id=run.id,
            epoch=epoch,
            source_id=run.source_id,
            source_name=run.source.name,
            definition=dict(self._with_keys.get(run.source.name, run.source.definition)),
            cursor=run.source.cursor,
            database_url=SecretStr(self._database_url),
            busy_timeout_s=self._busy_timeout_s,
            evidence_dir=self._evidence_dir,
            settings=self._settings,
            parent_pid=os.getpid(),
        )
        pipe = subprocess.PIPE
        child = _Child(
            subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        )
        child.listen(self._mask)
        with suppress(BrokenPipeError), cast("IO[bytes]", child.process.stdin) as stdin:
            stdin.write(job.model_dump_json().encode() + b"\n")
        return child

    def _attend(self, child: _Child) -> None:
        """Pass on what the child says until it has ended, which it does: it is killed at the latest."""
        deadline = time.monotonic() + self._settings.deadline_s
        while child.process.poll() is None:
            self._hear(child)
            now = time.monotonic()
            if child.ended_for is None and (self._stopping.is_set() or now >= deadline):
                stopped = self._stopping.is_set()
                child.ended_for = RunOutcome.INTERRUPTED if stopped else RunOutcome.DEADLINE_EXCEEDED
                child.signal(signal.SIGTERM)
                deadline = now + self._settings.stop_grace_s
            elif child.ended_for is not None and now >= deadline:
                child.signal(signal.SIGKILL)

    def _hear(self, child: _Child) -> None:
        for line in child.said():
            match message_of(line):
                case Work() as work:
                    self._relay(work)
                case RunProgress() as progress if self._on_progress is not None:
                    self._on_progress(progress)
                case Failure() as failure:
                    child.failure = failure

    def _ending(self, child: _Child) -> RunEnding:
        """What to write if the child wrote nothing; its own word, written first, stays."""
        code = child.process.returncode
        if child.ended_for is RunOutcome.DEADLINE_EXCEEDED:
            limit = f"The run did not end within its {self._settings.deadline_s:g} s, so it was ended."
            return RunEnding(RunOutcome.DEADLINE_EXCEEDED, "deadline", limit)
        if child.ended_for is RunOutcome.INTERRUPTED or code == ChildExit.STOPPED:
            return RunEnding(
                RunOutcome.INTERRUPTED, "stopped", "The run was ended because the program stopped."
            )
        if code == ChildExit.MEMORY:
            limit = f"The run wanted more than its {self._settings.memory_limit_mb} MiB of memory."
            return RunEnding(RunOutcome.MEMORY_EXCEEDED, "memory", limit)
        if code < 0:
            return RunEnding(RunOutcome.CRASHED, *_signalled(-code))
        where = f" ({child.failure.kind} at {child.failure.where})" if child.failure else ""
        return RunEnding(
            RunOutcome.CRASHED, "failed", f"The run's process ended with exit code {code}{where}."
        )

    def _conclude(self, run: Run, epoch: int, ending: RunEnding) -> None:
        now = self._clock()
        self._write(
            partial(
                conclude,
                run_id=run.id,
                epoch=epoch,
                source_id=run.source_id,
                ending=ending,
                dispatcher=self._dispatcher,
                now=now,
            )
        )

    def _write(self, write: Callable[[Session], object]) -> None:
        """In a transaction, and again while the database is away; raises what the last attempt raised."""
        for wait_s in (*WRITE_AGAIN_S, None):
            try:
                with self._database.transaction() as session:
                    write(session)
            except StorageError as error:
                if wait_s is None or self._stopping.wait(wait_s):
                    raise
                metrics.WRITES_FAILED.inc()
                log.warning(
                    "What became of a run could not be written; it is tried again.",
                    action="run_unwritten",
                    reason=error.reason,
                )
            else:
                return

    def _count(self, run_id: int) -> None:
        with self._database.reading() as session:
            run = runs.run_by_id(session, run_id)
            if run is None or run.state is not RunState.FINISHED:
                return
            state = metrics.SourceState(
                listings_usual=runs.usual_counts(session, run.source_id).listings_seen,
                selectors_lost=len(PageStructure.of(run.source.cursor).lost),
            )
        metrics.count(run, state, read=run.outcome in READ)
        _count_cookies(run)
        log.info(
            "A run ended.",
            action="run_finished",
            run_id=run_id,
            source=run.source.name,
            outcome=run.outcome,
            reason=run.reason,
            listings_new=run.listings_new,
        )


def _count_cookies(run: Run) -> None:
    file = run.source.definition.get("cookies_file")
    if not file:
        return
    with suppress(CookiesRefused):  # the run's row says it
        first = first_cookie_expiry(read_cookies(Path(file)))
        if first is not None:
            metrics.COOKIES_EXPIRE.labels(run.source.name).set(first.timestamp())


def _signalled(number: int) -> tuple[str, str]:
    """The slug and the sentence for a child that a signal ended, without our doing."""
    received = signal.Signals(number)
    slug = {signal.SIGSEGV: "segfault", signal.SIGKILL: "killed"}.get(received, "signal")
    hint = " Perhaps the kernel was out of memory." if received is signal.SIGKILL else ""
    return slug, f"The run's process was ended by {received.name}.{hint}"
