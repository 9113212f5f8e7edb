"""Runs in child processes: whatever a site makes a run do, it affects that process alone.

`Supervisor.run` is the handler of RUN work. Its steps:
1. claim the row, if the site's turn has come (`crawler.scheduling.site_turns`);
2. start the child in a session of its own and hand it the job;
3. pass on its messages until it ends; at the deadline, or when the daemon stops, SIGTERM and later SIGKILL;
4. write the outcome if the child could not, with retries, because the database may be away for a while;
5. count.

A run whose outcome could not be written is due again after `storage.runs.RUN_LEASE`, and is ended then.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import structlog
from pydantic import SecretStr
from sqlalchemy.orm import Session

from crawler import metrics
from crawler.errors import CookiesRefused
from crawler.fetching.cookies import first_cookie_expiry, read_cookies
from crawler.progress.page_structure import PageStructure
from crawler.running.child_protocol import MAX_LINE_BYTES, ChildExit, Failure, Job, RunProgress, message_of
from crawler.running.run_outcome import RunEnding, conclude, storage_ending
from crawler.running.run_processes import NewProcesses, RunProcess, RunProcesses
from crawler.scheduling import site_turns
from crawler.scheduling.site_board import SiteBoard
from crawler.settings import CrawlerSettings
from storage import runs
from storage.database.base import BUSY_TIMEOUT_S, WRITE_AGAIN_S, Database
from storage.errors import StorageError
from storage.runs import READ, STOPPED, Run, RunOutcome, RunState
from storage.settings import SEAL_AFTER_S
from storage.stores.settings import S3Settings
from storage.work import ClaimHolder, Dispatcher, NoNode, Work, WorkResult

log = structlog.get_logger()

#: Level of the log line about a run's end, by its outcome; error for all others.
LEVELS = {
    RunOutcome.NEW_LISTINGS: logging.INFO,
    RunOutcome.NOTHING_NEW: logging.INFO,
    RunOutcome.INTERRUPTED: logging.WARNING,
    RunOutcome.PAGE_NOT_RECOGNISED: logging.WARNING,
    RunOutcome.COULD_NOT_FETCH: logging.WARNING,
    RunOutcome.REFUSED: logging.WARNING,
    RunOutcome.WALL: logging.WARNING,
}
#: Delay until a stop or a deadline is noticed while the child sends nothing.
TICK_S = 0.1
#: How old what is known of the sites may be when it lets a run wait until the next poll.
BOARD_S = 0.5
#: Limits of the child's stderr that is logged: a looping library must not fill our memory.
MAX_STDERR_LINES = 40
MAX_STDERR_LINE_BYTES = 2_000


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Child:
    """A running child and its output; `ended_for` is the outcome if the supervisor ends it.

    `code`: see `RunProcess.end`.
    """

    process: RunProcess
    lines: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    stderr: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_STDERR_LINES))
    threads: list[threading.Thread] = field(default_factory=list)
    failure: Failure | None = None
    ended_for: RunOutcome | None = None
    code: int | None = None
    lost: bool = False  # the node that held the run was paused or cut off for too long

    def start_threads(self, mask: Callable[[str], str], job: bytes) -> None:
        """Read both of its outputs and hand it the job, in threads, so that neither waits for the other."""
        writer = threading.Thread(target=_write_job, args=(self.process.stdin, job), daemon=True)
        writer.start()
        self.threads.append(writer)
        for stream, limit, take in (
            (self.process.stdout, MAX_LINE_BYTES, self.lines.put),
            (
                self.process.stderr,
                MAX_STDERR_LINE_BYTES,
                lambda line: self.stderr.append(mask(_decode_line(line))),
            ),
        ):
            reader = threading.Thread(target=_read_lines, args=(stream, limit, take), daemon=True)
            reader.start()
            self.threads.append(reader)

    def new_lines(self) -> list[bytes]:
        """Return the lines since the last call; waits up to `TICK_S` for the first."""
        lines = []
        with suppress(queue.Empty):
            lines.append(self.lines.get(timeout=TICK_S))
            while True:
                lines.append(self.lines.get_nowait())
        return lines

    def reap(self) -> None:
        """End the child, all other processes of its session, and the threads."""
        self.code = self.process.end(want_code=self.ended_for is None)
        for thread in self.threads:
            thread.join()


def _read_lines(stream: IO[bytes], limit: int, take: Callable[[bytes], None]) -> None:
    with stream:
        for line in iter(lambda: stream.readline(limit), b""):
            take(line)


def _write_job(stdin: IO[bytes], job: bytes) -> None:
    """Write the job; a child that ends, or is ended, before it has read all of it is no error here."""
    with suppress(OSError), stdin:
        stdin.write(job)


def _decode_line(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip()


class Supervisor:
    """Starts runs and follows them to their end; `stop` may be called from any thread."""

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
        processes: RunProcesses | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        with_keys: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        holder: ClaimHolder | None = None,
        doorbell: bool = False,
        evidence: str | None = None,
        s3: S3Settings | None = None,
        seal_after_s: float = SEAL_AFTER_S,
    ) -> None:
        """`relay` gets work whose rows a child has already committed; without `processes`, each run
        gets a new process.

        `with_keys`: complete definitions, by source name, of the sources that the database holds without
        keys. `holder`: the node in whose name runs are claimed. If it no longer holds them, their processes
        are killed at once. `doorbell`: see `Job`. `evidence`: the address of the evidence; None: it is kept
        in `evidence_dir`.
        """
        self._database = database
        self._database_url = database_url
        self._busy_timeout_s = busy_timeout_s
        self._evidence_dir = evidence_dir
        self._evidence = evidence
        self._s3 = (s3 or S3Settings()).as_json()
        self._seal_after_s = seal_after_s
        self._settings = settings
        self._mask = mask
        self._dispatcher = dispatcher
        self._relay = relay
        self._on_progress = on_progress
        self._clock = clock
        self._processes = processes or NewProcesses()
        self._with_keys = with_keys
        self._holder = holder or NoNode()
        self._doorbell = doorbell
        self._places = threading.BoundedSemaphore(settings.concurrent_runs)
        self._stopping = threading.Event()
        self._board: tuple[float, SiteBoard | None] = (0.0, None)
        self._board_lock = threading.Lock()

    def run(self, run_id: int) -> WorkResult:
        """Carry out a queued run, and return when its outcome is written.

        Ends a run that was abandoned. Does nothing for any other run, or for one that has to wait: it is due
        again at the next poll.
        """
        with self._places:
            if self._stopping.is_set() or self._must_wait(run_id):
                return WorkResult.WAITED
            with self._database.transaction() as session:
                run = runs.run_by_id(session, run_id)
                node_id = self._holder.node_id
                epoch = (
                    None
                    if run is None
                    else site_turns.claim_run(session, run, now=self._clock(), node_id=node_id)
                )
                abandoned = epoch is None and runs.interrupt_abandoned(session, run_id, now=self._clock())
            if abandoned:
                self._count_finished(run_id)
            if epoch is None or run is None:
                return WorkResult.DONE if abandoned else WorkResult.WAITED
            with metrics.RUNS_ACTIVE.track_inprogress():
                try:
                    ending = self._carry_out(run, epoch, node_id)
                except StorageError as error:
                    ending = storage_ending(error.reason, str(error))
                self._write_ending(run, epoch, ending)
            self._count_finished(run_id)
            return WorkResult.DONE

    def _must_wait(self, run_id: int) -> bool:
        """Return whether a run has to wait, by a board that is BOARD_S old at most: of hundreds of runs that
        are announced at once, only the first reads it.
        """
        now = time.monotonic()
        with self._board_lock:
            read_at, board = self._board
            if board is None or run_id not in board or now - read_at > BOARD_S:
                with self._database.reading() as session:
                    board = SiteBoard.read(session, now=self._clock())
                self._board = (now, board)
        return board.must_wait(run_id)

    def stop(self) -> None:
        """Begin no further run, and end running ones as interrupted; their `run` returns soon after."""
        self._stopping.set()

    def _carry_out(self, run: Run, epoch: int, node_id: int | None) -> RunEnding:
        log.info("A run began.", action="run_started", run_id=run.id, source=run.source.name)
        deadline = time.monotonic() + self._settings.deadline_s
        try:
            child = self._start_child(run, epoch)
        except OSError as error:
            if self._stopping.is_set():
                return _stopped_ending()
            why = f"The run's process could not be started: {error.strerror or error}."
            return RunEnding(RunOutcome.CRASHED, "no_process", why)
        try:
            self._write_patiently(
                partial(runs.record_child_start, run_id=run.id, epoch=epoch, pid=child.process.pid)
            )
            self._follow_child(child, deadline, node_id)
        finally:
            child.reap()
        self._pass_messages(child)
        if child.stderr:
            log.warning(
                "The run's process wrote to stderr before it ended.",
                action="run_words",
                run_id=run.id,
                words=list(child.stderr),
            )
        return self._ending_of(child)

    def _start_child(self, run: Run, epoch: int) -> _Child:
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
            evidence=self._evidence,
            s3=self._s3,
            seal_after_s=self._seal_after_s,
            settings=self._settings,
            parent_pid=0,
            lease=self._holder.lease(),
            doorbell=self._doorbell,
        )
        child = _Child(self._processes.start())
        job = job.model_copy(update={"parent_pid": child.process.parent_pid})
        child.start_threads(self._mask, job.model_dump_json().encode() + b"\n")
        return child

    def _follow_child(self, child: _Child, deadline: float, node_id: int | None) -> None:
        """Pass on the child's messages until it has ended; it is killed if it does not end by itself, and at
        once if the node no longer holds the run.

        `deadline` is that of the whole run, of which starting the child and handing it the job are a part.
        """
        while not child.process.has_ended():
            self._pass_messages(child)
            now = time.monotonic()
            if not child.lost and not self._holder.holds(node_id):
                child.lost = True
                child.ended_for = RunOutcome.INTERRUPTED
                child.process.signal(signal.SIGKILL)
            if child.ended_for is None and (self._stopping.is_set() or now >= deadline):
                stopped = self._stopping.is_set()
                child.ended_for = RunOutcome.INTERRUPTED if stopped else RunOutcome.DEADLINE_EXCEEDED
                child.process.signal(signal.SIGTERM)
                deadline = now + self._settings.stop_grace_s
            elif child.ended_for is not None and now >= deadline:
                child.process.signal(signal.SIGKILL)

    def _pass_messages(self, child: _Child) -> None:
        for line in child.new_lines():
            match message_of(line):
                case Work() as work:
                    self._relay(work)
                case RunProgress() as progress if self._on_progress is not None:
                    self._on_progress(progress)
                case Failure() as failure:
                    child.failure = failure

    def _ending_of(self, child: _Child) -> RunEnding:
        """Return the outcome to write if the child wrote none; an outcome that it wrote stays."""
        code = child.code
        if child.ended_for is RunOutcome.DEADLINE_EXCEEDED:
            limit = (
                f"The run did not end within {self._settings.deadline_s:g} s (deadline_s), so it was ended."
            )
            return RunEnding(RunOutcome.DEADLINE_EXCEEDED, "deadline", limit)
        if child.lost:
            lost = "The node that had this run was paused or cut off for longer than its lease."
            return RunEnding(RunOutcome.INTERRUPTED, "node_lost", lost)
        if child.ended_for is RunOutcome.INTERRUPTED or code == ChildExit.STOPPED:
            return _stopped_ending()
        if code is None:
            lost = "The warm process, which had begun the run, ended or was stuck, so the run was ended."
            return RunEnding(RunOutcome.INTERRUPTED, "warm_process_lost", lost)
        if code == ChildExit.MEMORY:
            limit = (
                f"The run needed more than {self._settings.memory_limit_mb} MiB of memory (memory_limit_mb)."
            )
            return RunEnding(RunOutcome.MEMORY_EXCEEDED, "memory", limit)
        if code == ChildExit.STORAGE and child.failure is not None:
            return storage_ending(child.failure.reason, child.failure.message, where=child.failure.where)
        if code < 0:
            return RunEnding(RunOutcome.CRASHED, *_signal_reason(-code))
        where = f" ({child.failure.kind} at {child.failure.where})" if child.failure else ""
        return RunEnding(
            RunOutcome.CRASHED, "failed", f"The run's process ended with exit code {code}{where}."
        )

    def _write_ending(self, run: Run, epoch: int, ending: RunEnding) -> None:
        now = self._clock()
        if ending.outcome is RunOutcome.STORAGE_FAILED:
            log.error(
                "What a run read could not be stored.",
                action="run_not_stored",
                run_id=run.id,
                source=run.source.name,
                reason=ending.reason,
                detail=ending.detail,
            )
        self._write_patiently(
            partial(
                conclude,
                run_id=run.id,
                epoch=epoch,
                source_id=run.source_id,
                ending=ending,
                dispatcher=self._dispatcher,
                now=now,
            ),
            waits_s=chain(WRITE_AGAIN_S, repeat(WRITE_AGAIN_S[-1])),
        )

    def _write_patiently(
        self, write: Callable[[Session], object], *, waits_s: Iterable[float] = WRITE_AGAIN_S
    ) -> None:
        """Write in a transaction, again while the database is away; raises the error of the last attempt.

        The end of a run is tried until the daemon stops: a full disk may last, and only this process knows
        why the run ended. Then it is tried once more: a daemon that lost its lock stops when the database is
        back. An error that will not go away by itself is tried for a minute.
        """
        last = False
        for number, wait_s in enumerate(chain(waits_s, [None])):
            try:
                with self._database.transaction() as session:
                    write(session)
            except StorageError as error:
                lasting = error.permanent and number >= len(WRITE_AGAIN_S)
                if wait_s is None or lasting or last:
                    raise
                last = self._stopping.wait(wait_s)
                metrics.WRITES_FAILED.inc()
                log.warning(
                    "The end of a run could not be written; trying again.",
                    action="run_unwritten",
                    reason=error.reason,
                )
            else:
                return

    def _count_finished(self, run_id: int) -> None:
        with self._database.reading() as session:
            run = runs.run_by_id(session, run_id)
            if run is None or run.state is not RunState.FINISHED:
                return
            state = metrics.SourceState(
                listings_usual=runs.usual_counts(session, run.source_id).listings_seen,
                selectors_lost=len(PageStructure.of(run.source.cursor).lost),
            )
        metrics.count_run(run, state, read=run.outcome in READ)
        _record_cookie_expiry(run)
        log.log(
            LEVELS.get(run.outcome, logging.ERROR) if run.outcome else logging.ERROR,
            "A run ended.",
            action="run_finished",
            run_id=run_id,
            source=run.source.name,
            outcome=run.outcome,
            reason=run.reason,
            pages=run.pages,
            pages_unread=run.pages_unread,
            listings_seen=run.listings_seen,
            listings_new=run.listings_new,
            listings_changed=run.listings_changed,
        )


def _record_cookie_expiry(run: Run) -> None:
    file = run.source.definition.get("cookies_file")
    if not file:
        return
    with suppress(CookiesRefused):  # the run's row reports it
        first = first_cookie_expiry(read_cookies(Path(file)))
        if first is not None:
            metrics.COOKIES_EXPIRE.labels(run.source.name).set(first.timestamp())


def _stopped_ending() -> RunEnding:
    return RunEnding(RunOutcome.INTERRUPTED, STOPPED, "The run was ended because the program stopped.")


def _signal_reason(number: int) -> tuple[str, str]:
    """Return the reason and the sentence for a child that was ended by a signal which we did not send."""
    received = signal.Signals(number)
    reason = {signal.SIGSEGV: "segfault", signal.SIGKILL: "killed"}.get(received, "signal")
    hint = " The kernel may have been out of memory." if received is signal.SIGKILL else ""
    return reason, f"The run's process was ended by {received.name}.{hint}"
