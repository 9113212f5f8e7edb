"""Processes of runs: what the supervisor needs of one, and the plain way to get one, which starts Python.

`crawler.running.warm_process` is the other way.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Protocol

from crawler import metrics

#: A run in a process of its own, without a warm process.
RUN_COMMAND = (sys.executable, "-m", "daemon.run_process")


class RunProcess(Protocol):
    """The process of one run, the leader of its own session, and the ends of its three pipes."""

    pid: int
    parent_pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def has_ended(self) -> bool:
        """Return whether it has ended; it never waits."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole session, so that no process it started stays behind."""

    def end(self, *, want_code: bool) -> int | None:
        """Kill its session, wait for its end, and release it. Call it once, at last.

        Returns its exit code, or minus the number of the signal that ended it. None: nobody knows, or
        `want_code` is False and it would take time.
        """


class RunProcesses(Protocol):
    """A way to get the process of a run. Threads may share it."""

    def start(self) -> RunProcess:
        """Return a process that reads its job from `stdin`. Raises OSError if there is none."""

    def replace(self) -> None:
        """Import everything again for the runs that begin from now on."""

    def close(self) -> None:
        """End what was started for the runs, and every run that still goes on from it."""


class NewProcesses:
    """Starts a Python program for each run, which imports everything again: about 1 s of CPU time."""

    def __init__(self, command: Sequence[str] = RUN_COMMAND) -> None:
        self._command = tuple(command)

    def start(self) -> RunProcess:
        process = _NewProcess(self._command)
        metrics.RUN_PROCESSES.labels("new").inc()
        return process

    def replace(self) -> None:
        """Each process imports everything again anyway."""

    def close(self) -> None:
        """Nothing outlives its run."""


class _NewProcess:
    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self.stdin: IO[bytes] = self._process.stdin
        self.stdout: IO[bytes] = self._process.stdout
        self.stderr: IO[bytes] = self._process.stderr
        self.pid = self._process.pid
        self.parent_pid = os.getpid()

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self, *, want_code: bool) -> int | None:
        self.signal(signal.SIGKILL)
        return self._process.wait()
