"""Matches the units of dumps that `spillwatch match --cluster` has cut: the handler of the kind UNIT.

1. Claim the unit.
2. Let a process of its own match it, and renew the claim meanwhile.
3. Write the result. If the process ended, or the unit is refused here, give it back: it is due again, or it
   has failed too often. This node leaves a unit that it refused to others for a while.

A process matches many units, because it takes a second to start and opens the segments.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from daemon.unit_messages import AnswerReader, NoAnswer, UnitAnswer, UnitJob, UnitSetup, message_line
from storage import dumps
from storage.database.base import Database
from storage.dumps import ClaimedUnit, UnitState
from storage.errors import StorageError
from storage.work import ClaimHolder, NoNode, WorkResult

COMMAND = (sys.executable, "-m", "daemon.unit_process")
SILENT_S = 3600.0  # without any progress for this long, the process is killed
REFUSED_S = 6.0  # in which this node leaves a unit that it refused to others, which look every second
_GONE_S = 5.0

log = structlog.get_logger()


class _ClaimLost(Exception):
    """Another node has the unit, or the dump was deleted."""


class UnitService:
    """The handler. `threads`: with which a process matches a unit."""

    def __init__(
        self,
        *,
        database: Database,
        config: Path,
        memory_mb: int,
        threads: int,
        clock: Callable[[], datetime],
        holder: ClaimHolder | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._database = database
        self._setup = UnitSetup(str(config), os.getpid(), memory_mb, threads)
        self._clock = clock
        self._holder = holder or NoNode()
        self._command = command
        self._idle: list[_UnitProcess] = []
        self._refused: dict[int, float] = {}
        self._lock = threading.Lock()

    def match(self, unit_id: int) -> WorkResult | None:
        """Match a unit, if nobody else does."""
        if time.monotonic() < self._refused.get(unit_id, 0.0):
            return WorkResult.WAITED
        claimed = self._database.write(
            lambda session: dumps.claim_unit(
                session, unit_id, now=self._clock(), node_id=self._holder.node_id
            )
        )
        if claimed is None:
            return WorkResult.WAITED
        try:
            self._match_claimed(claimed)
        except _ClaimLost:
            log.info(
                "A unit's claim has ended, and another node matches it.", action="unit_lost", unit=unit_id
            )
        return None

    def close(self) -> None:
        """End the processes that have nothing to do."""
        with self._lock:
            for process in self._idle:
                process.close()
            self._idle.clear()

    def _match_claimed(self, claimed: ClaimedUnit) -> None:
        process = self._process()
        job = UnitJob(claimed.content, claimed.options, claimed.company, claimed.watch_version)
        answer, result = process.match(job, on_wait=self._renewing(claimed))
        if process.alive():
            with self._lock:
                self._idle.append(process)
        if answer.result_bytes:
            self._database.write(lambda session: dumps.finish_unit(session, claimed, result))
        elif answer.refused:
            self._refuse(claimed, answer)
        else:
            self._record_death(claimed, answer)

    def _process(self) -> _UnitProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.alive():
                    return process
        return _UnitProcess(self._setup, self._command)

    def _renewing(self, claimed: ClaimedUnit) -> Callable[[], bool]:
        """Return a function that renews the claim when a third of its time is over; False: it has ended."""
        every = dumps.UNIT_LEASE.total_seconds() / 6
        last = time.monotonic()

        def renew() -> bool:
            nonlocal last
            if time.monotonic() < last + every:
                return True
            last = time.monotonic()
            try:
                with self._database.transaction() as session:
                    return dumps.renew_unit(session, claimed, now=self._clock())
            except StorageError:  # it may come back; if not, the claim ends and its result is refused
                return True

        return renew

    def _refuse(self, claimed: ClaimedUnit, answer: UnitAnswer) -> None:
        state = self._database.write(
            lambda session: dumps.refuse_unit(
                session, claimed, reason=answer.refused, detail=answer.sentence, now=self._clock()
            )
        )
        self._refused = {unit: until for unit, until in self._refused.items() if until > time.monotonic()}
        self._refused[claimed.unit_id] = time.monotonic() + REFUSED_S
        log.warning(
            f"A unit of a dump cannot be matched on this node: {answer.sentence}",
            action="unit_refused",
            unit=claimed.unit_id,
            reason=answer.refused,
            failed=state is UnitState.FAILED,
        )

    def _record_death(self, claimed: ClaimedUnit, answer: UnitAnswer) -> None:
        state = self._database.write(
            lambda session: dumps.record_unit_death(
                session, claimed, detail=answer.sentence, now=self._clock()
            )
        )
        log.error(
            f"A unit of a dump could not be matched: {answer.sentence}",
            action="unit_failed",
            unit=claimed.unit_id,
            reason=dumps.KILLED,
            failed=state is UnitState.FAILED,
        )


class _UnitProcess:
    """The daemon's side of one process."""

    def __init__(self, setup: UnitSetup, command: Sequence[str]) -> None:
        self._setup, self._command = setup, command
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, without arguments
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._process.stdout is not None  # a pipe
        self._answers = AnswerReader(self._process.stdout.fileno())
        with suppress(BrokenPipeError):
            self._send(message_line(self._setup))

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """Let the process end, because nothing follows."""
        assert self._process.stdin is not None  # a pipe
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_S)

    def match(self, job: UnitJob, *, on_wait: Callable[[], bool]) -> tuple[UnitAnswer, bytes]:
        """Return the answer, or one that says how the process ended; raises _ClaimLost.

        `on_wait` renews the claim and returns False when it has ended.
        """
        lost = False

        def wait() -> bool:
            nonlocal lost
            lost = not on_wait()
            return not lost

        for fresh in (False, True):
            try:
                self._send(message_line(job))
                found = self._answers.read(on_wait=wait, silent_s=SILENT_S)
            except BrokenPipeError:
                found = None
            except NoAnswer as error:
                self._kill()
                if lost:
                    raise _ClaimLost from None
                return UnitAnswer(sentence=str(error)), b""
            if found is not None:
                return found
            code = self._process.wait()
            if code or fresh:
                return UnitAnswer(sentence=_ending(code)), b""
            self._start()  # it ended because it had nothing to do
        raise AssertionError("the second attempt returns")

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None  # a pipe
        sent = 0
        while sent < len(line):
            sent += self._process.stdin.write(line[sent:]) or 0

    def _kill(self) -> None:
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_S)


def _ending(code: int) -> str:
    return (
        f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
    )
