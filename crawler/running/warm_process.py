"""The daemon's side of the warm process: one process that has imported everything a run needs, and forks.

A fork costs 0.01 s of CPU time, a new Python 1 s. A run's process is the same in both cases: it has its own
session, its own limits, and is killed in the same way. `warm_protocol` has the messages, and
`daemon.warm_process` is the process itself.

The kernel ends the warm process when the thread that started it ends, and the runs when the warm process
ends. So each warm process has a thread that waits for it. A warm process that ended, or that does not answer,
is replaced. While none can be had, runs get new processes.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

import structlog

from crawler import metrics
from crawler.running.run_processes import NewProcesses, RunProcess, RunProcesses
from crawler.running.warm_protocol import (
    FORK,
    MAX_MESSAGE_BYTES,
    READY,
    REHEARSAL_FAILED,
    Ended,
    Refused,
    Started,
    status_of,
)

log = structlog.get_logger()

WARM_COMMAND = (sys.executable, "-m", "daemon.warm_process")
START_S = 60.0  # for the imports of a warm process, on a busy machine
ANSWER_S = 15.0  # from a request to the message of the run's process
CODE_S = 10.0  # from the end of a run's process to its exit code
GONE_S = 5.0  # from the end of a warm process until it is collected
#: After so many unexpected ends within this time, runs get new processes until the first is that long ago.
MAX_ENDS = 3
ENDS_WITHIN_S = 600.0
#: Limits of what a warm process says.
MAX_WORDS = 40
MAX_WORD_BYTES = 2_000


class _WarmEnded(Exception):
    """The warm process has ended, perhaps because it had nothing to do."""


class _WarmSilent(Exception):
    """The warm process does not answer."""


class WarmProcesses:
    """Forks the processes of runs from a warm process, which is started for the first one.

    `otherwise` is used while there is no warm process.
    """

    def __init__(
        self,
        *,
        mask: Callable[[str], str],
        command: Sequence[str] = WARM_COMMAND,
        otherwise: RunProcesses | None = None,
        answer_s: float = ANSWER_S,
        code_s: float = CODE_S,
    ) -> None:
        self._mask = mask
        self._command = tuple(command)
        self._otherwise = otherwise or NewProcesses()
        self._answer_s = answer_s
        self._code_s = code_s
        self._lock = threading.Lock()
        self._current: _WarmProcess | None = None
        self._all: set[_WarmProcess] = set()
        self._ends: deque[float] = deque(maxlen=MAX_ENDS)
        self._closed = False

    def start(self) -> RunProcess:
        for _ in range(2):  # a warm process without work may end just now: then the next one is asked
            warm = self._warm()
            if warm is None:
                break
            try:
                return warm.fork()
            except _WarmEnded:
                self._leave(warm)
            except _WarmSilent:
                metrics.WARM_ENDS.labels("silent").inc()
                log.error(
                    "The warm process does not answer, so another one replaces it. Its runs go on.",
                    action="warm_process_silent",
                    pid=warm.pid,
                )
                self._note_end()
                self._leave(warm)
        return self._otherwise.start()

    def replace(self) -> None:
        """Let further runs be forked from a new warm process, which imports everything again.

        The old one ends with its last run.
        """
        with self._lock:
            old, self._current = self._current, None
        if old is not None:
            old.retire()

    def close(self) -> None:
        """End every warm process, and with it all of its runs."""
        with self._lock:
            self._closed = True
            self._current = None
            every = list(self._all)
        for warm in every:
            warm.kill()
        for warm in every:
            warm.gone.wait(GONE_S)

    def _warm(self) -> _WarmProcess | None:
        """Return the warm process; None if one cannot be expected to work now."""
        with self._lock:
            if self._closed:
                raise ProcessLookupError("the program is stopping")
            if self._current is not None:
                return self._current
            if len(self._ends) == MAX_ENDS and time.monotonic() - self._ends[0] < ENDS_WITHIN_S:
                return None
            self._current = _WarmProcess(
                self._command, self._ended, answer_s=self._answer_s, code_s=self._code_s
            )
            self._all.add(self._current)
            self._current.begin()
            return self._current

    def _leave(self, warm: _WarmProcess) -> None:
        with self._lock:
            if self._current is warm:
                self._current = None
        warm.retire()

    def _note_end(self) -> None:
        with self._lock:
            self._ends.append(time.monotonic())

    def _ended(self, warm: _WarmProcess, code: int | None, words: Sequence[bytes]) -> None:
        """Note the end of a warm process. Called by its thread, before anybody is told."""
        with self._lock:
            self._all.discard(warm)
            if self._current is warm:
                self._current = None
            expected = code == 0 or warm.retired or self._closed
            if not expected:
                self._ends.append(time.monotonic())
        if expected:
            return
        metrics.WARM_ENDS.labels("unexpected").inc()
        log.error(
            "The warm process ended, and with it the runs in progress that it had begun.",
            action="warm_process_ended",
            exit_code=code,
            words=[self._mask(word.decode("utf-8", "replace").rstrip()) for word in words],
        )


class _WarmProcess:
    """One warm process, and the thread that starts it and waits for it."""

    def __init__(
        self,
        command: Sequence[str],
        ended: Callable[[_WarmProcess, int | None, Sequence[bytes]], None],
        *,
        answer_s: float,
        code_s: float,
    ) -> None:
        self._command = command
        self._tell_end = ended
        self._answer_s = answer_s
        self.code_s = code_s
        self._requests, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setblocking(False)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()  # the process exists, or cannot be started
        self._decided = threading.Event()  # it takes requests, or has ended
        self.gone = threading.Event()  # it has ended and was collected
        self._lock = threading.Lock()
        self._runs = 0
        self.retired = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def begin(self) -> None:
        threading.Thread(target=self._look_after, name="warm-process", daemon=True).start()

    def fork(self) -> RunProcess:
        """Return a new run's process. Raises _WarmEnded, _WarmSilent, or OSError if the fork failed."""
        if not self._decided.wait(START_S):
            raise _WarmSilent
        with self._lock:
            self._runs += 1
        try:
            return self._request_fork()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Note that a run's process is done with. The last one of a retired warm process ends that, too."""
        with self._lock:
            self._runs -= 1
            useless = self.retired and not self._runs
        if useless:
            self.kill()

    def retire(self) -> None:
        """Request nothing more. It ends with its last run; one that hangs is killed then."""
        with self._lock:
            self.retired = True
            self._requests.close()
            useless = not self._runs
        if useless:
            self.kill()

    def kill(self) -> None:
        self.retired = True
        self._started.wait(START_S)
        if self._process is not None:
            self._process.kill()

    def _request_fork(self) -> RunProcess:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mine: list[int] = []
        yours: list[int] = [theirs.detach()]
        try:
            for writable in (True, False, False):
                reading, writing = os.pipe()
                mine.append(writing if writable else reading)
                yours.append(reading if writable else writing)
            try:
                self._send_request([*yours[1:], yours[0]])
            finally:
                for descriptor in yours:
                    os.close(descriptor)
            pid, pidfd = self._answer(ours)
        except BaseException:
            ours.close()
            for descriptor in mine:
                os.close(descriptor)
            raise
        metrics.RUN_PROCESSES.labels("forked").inc()
        return _ForkedProcess(self, pid, pidfd, ours, mine)

    def _send_request(self, descriptors: Sequence[int]) -> None:
        try:
            with self._lock:
                if self.retired:
                    raise _WarmEnded
                socket.send_fds(self._requests, [FORK], descriptors)
        except ConnectionError:
            raise _WarmEnded from None
        except OSError:  # it has left so many requests unread that no further one has room
            raise _WarmSilent from None

    def _answer(self, status: socket.socket) -> tuple[int, int]:
        """Return the number and the pidfd of the run's process."""
        status.settimeout(self._answer_s)
        descriptors: list[int] = []
        try:
            line, descriptors, _, _ = socket.recv_fds(status, MAX_MESSAGE_BYTES, 1)
        except TimeoutError:
            raise _WarmSilent from None
        except ConnectionError:
            raise _WarmEnded from None
        match status_of(line):
            case Started(pid) if len(descriptors) == 1:
                return pid, descriptors[0]
            case Refused(number):
                raise OSError(number, os.strerror(number))
        for descriptor in descriptors:
            os.close(descriptor)
        raise _WarmEnded

    def _look_after(self) -> None:
        """Start the process, read what it says, and collect it."""
        words: deque[bytes] = deque(maxlen=MAX_WORDS)
        code: int | None = None
        try:
            with self._theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [*self._command, str(self._theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=[self._theirs.fileno()],
                    start_new_session=True,
                )
            self._started.set()
            assert self._process.stdout
            with self._process.stdout as said:
                for word in iter(lambda: said.readline(MAX_WORD_BYTES), b""):
                    if word.strip() == READY:
                        self._decided.set()
                    elif word.startswith(REHEARSAL_FAILED):
                        log.warning(
                            "The warm process could not rehearse a visit, so each run takes more CPU time.",
                            action="warm_rehearsal_failed",
                            error=word.removeprefix(REHEARSAL_FAILED).decode("utf-8", "replace").strip(),
                        )
                    else:
                        words.append(word)
            code = self._process.wait()
        except OSError as error:
            words.append(str(error.strerror or error).encode())
        finally:
            self._tell_end(self, code, words)
            with self._lock:
                self.retired = True
                self._requests.close()
            for event in (self._started, self._decided, self.gone):
                event.set()


class _ForkedProcess:
    """A run's process, whose parent is the warm process."""

    def __init__(
        self, warm: _WarmProcess, pid: int, pidfd: int, status: socket.socket, pipes: Sequence[int]
    ) -> None:
        self._warm = warm
        self._pidfd = pidfd
        self._status = status
        self._code: int | None = None
        self._orphaned = False
        self.pid = pid
        self.parent_pid = warm.pid
        self.stdin: IO[bytes] = os.fdopen(pipes[0], "wb")
        self.stdout: IO[bytes] = os.fdopen(pipes[1], "rb")
        self.stderr: IO[bytes] = os.fdopen(pipes[2], "rb")

    def has_ended(self) -> bool:
        self._read_status(0)
        if self._orphaned:
            self.signal(signal.SIGKILL)  # the kernel does that, too; no run may go on unwatched
        return self._wait(self._pidfd, 0)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            # Without the warm process, the number may belong to somebody else once the run has ended.
            if not self._orphaned or not self._wait(self._pidfd, 0):
                os.killpg(self.pid, number)

    def end(self, *, want_code: bool) -> int | None:
        self.signal(signal.SIGKILL)
        self._wait(self._pidfd, None)
        self._read_status(self._warm.code_s if want_code else 0)
        if self._orphaned:
            self._collect_orphan()
        self._status.close()
        os.close(self._pidfd)
        self._warm.release()
        return self._code

    def _collect_orphan(self) -> None:
        """Collect the process if it has become our own child, as it does where the daemon is process 1."""
        self._warm.gone.wait(GONE_S)
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)

    def _read_status(self, wait_s: float) -> None:
        if self._code is not None or self._orphaned or not self._wait(self._status.fileno(), wait_s):
            return
        try:
            match status_of(self._status.recv(MAX_MESSAGE_BYTES)):
                case Ended(code):
                    self._code = code
                case _:
                    self._orphaned = True
        except OSError:
            self._orphaned = True

    @staticmethod
    def _wait(descriptor: int, wait_s: float | None) -> bool:
        """Return whether the descriptor is readable; for a pidfd, whether the process has ended."""
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(None if wait_s is None else wait_s * 1000))
