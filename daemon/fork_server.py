"""The loop of the warm process: forks a process for each run, and tells the daemon how it ended.

See crawler.running.warm_protocol for the messages. A fork copies one thread and all
memory, so before the first fork this process has no other thread, no open file, connection or database, no
event loop and no Twisted reactor, which `require_bare` checks. Logging, databases and TLS connections are
made by each run. Python's `random` and OpenSSL's random numbers notice a fork by themselves.

It has no signal handlers either. SIGTERM, SIGINT and SIGHUP are blocked, because systemd and terminals send
them to every process: the daemon decides when this process ends. The process of a run gets them as usual.
"""

from __future__ import annotations

import array
import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crawler.running.child_protocol import ChildExit
from crawler.running.process_limits import die_with_parent
from crawler.running.warm_protocol import (
    FORK_DESCRIPTORS,
    MAX_MESSAGE_BYTES,
    READY,
    REHEARSAL_FAILED,
    Ended,
    Refused,
    Started,
    status_line,
)
from daemon import process_start

IDLE_S = 300.0  # without a run for this long, the process ends; the next run starts another one
#: The rehearsal takes the CPU time of several visits. So it comes after this many forks: where few sites are
#: visited, each visit may have a new warm process.
REHEARSED_AFTER = 2
NEVER_INHERITED = ("twisted.internet.reactor",)
BLOCKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STANDARD = 3  # standard input, output and error


def serve_forks(
    requests: int,
    execute: Callable[[], int],
    *,
    idle_s: float = IDLE_S,
    rehearse: Callable[[], None] | None = None,
) -> int:
    """Fork a process for each request until nothing more is to be done. `execute` carries out a run's job.

    `rehearse` prepares what makes later forks cheaper. If it fails, the daemon is told, and they cost more.
    Returns the exit code of the warm process, or, in the process of a run, that of the run.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    die_with_parent()
    require_bare(requests)
    process_start.after_imports()
    server = _ForkServer(socket.socket(fileno=requests), idle_s, rehearse)
    os.write(sys.stdout.fileno(), READY + b"\n")
    if not server.serve():
        return 0
    return _run_in_child(execute)


def require_bare(*known: int) -> None:
    """Raise RuntimeError if this process has something that must not be shared with its forks, beside the
    `known` descriptors.
    """
    found = {
        "modules": [name for name in NEVER_INHERITED if name in sys.modules],
        "more threads": len(list(Path("/proc/self/task").iterdir())) - 1,
        "open descriptors": sorted(open_descriptors() - {0, 1, 2, *known}),
    }
    if wrong := {what: value for what, value in found.items() if value}:
        raise RuntimeError(f"found before the first fork, where each of these must be missing: {wrong}")


def open_descriptors() -> set[int]:
    """Return the numbers of this process's open descriptors."""
    numbers = {int(each.name) for each in Path("/proc/self/fd").iterdir()}
    return {number for number in numbers if _is_open(number)}  # the list's own descriptor is closed again


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _run_in_child(execute: Callable[[], int]) -> int:
    """Carry out the run in a process that was just forked, and return its exit code."""
    try:
        return execute()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - what Python does at the end of a program
        traceback.print_exc()
        return 1


@dataclass(slots=True)
class _ForkedRun:
    """A run's process. `pidfd` is -1 once its end was told."""

    pid: int
    pidfd: int
    status: int


class _ForkServer:
    """The loop of the warm process. `_runs` has each run by each of its descriptors."""

    def __init__(self, requests: socket.socket, idle_s: float, rehearse: Callable[[], None] | None) -> None:
        self._requests = requests
        self._idle_s = idle_s
        self._rehearse = rehearse
        self._forks = 0
        self._accepting = True
        self._waiting = select.poll()
        self._waiting.register(requests, select.POLLIN)
        self._runs: dict[int, _ForkedRun] = {}

    def serve(self) -> bool:
        """Return True in the process of a run, and False in this one, when it is to end."""
        while self._accepting or self._runs:
            events = self._waiting.poll(None if self._runs else self._idle_s * 1000)
            if not events:
                return False
            ready = {descriptor for descriptor, _ in events}
            # Before a request is taken, which may reuse the number of a descriptor that is closed here.
            for descriptor in ready - {self._requests.fileno()}:
                if (run := self._runs.get(descriptor)) is not None:
                    self._follow(run, descriptor)
            if self._requests.fileno() in ready and self._take_request():
                return True
            if self._rehearse is not None and self._forks >= REHEARSED_AFTER:
                rehearse, self._rehearse = self._rehearse, None
                self._prepare(rehearse)
        return False

    def _prepare(self, rehearse: Callable[[], None]) -> None:
        """Rehearse, and let the forks share what that made. Requests wait for a second or two.

        If something is left that forks must not inherit, there are no more forks: the daemon's next request
        starts another warm process.
        """
        before = open_descriptors()
        try:
            rehearse()
        except Exception as error:  # noqa: BLE001 - without a rehearsal, each run takes more time
            _tell_failure(error)
        try:
            require_bare(*before)
        except RuntimeError as error:
            _tell_failure(error)
            self._accepting = False
            self._waiting.unregister(self._requests)
            self._requests.close()
        gc.collect()
        gc.freeze()

    def _take_request(self) -> bool:
        """Fork if there is a request. Return True in the new process."""
        message, descriptors, _, _ = socket.recv_fds(self._requests, MAX_MESSAGE_BYTES, FORK_DESCRIPTORS)
        if not message:
            self._accepting = False
            self._waiting.unregister(self._requests)
            return False
        if len(descriptors) != FORK_DESCRIPTORS:  # this process has no descriptors left
            _close_all(descriptors)
            return False
        *pipes, status = descriptors
        return self._fork(pipes, status)

    def _fork(self, pipes: list[int], status: int) -> bool:
        parent_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            with suppress(OSError):
                os.write(status, status_line(Refused(error.errno or 0)))
            _close_all([*pipes, status])
            return False
        if pid == 0:
            _become_run(pipes, status, parent_pid)
            return True
        self._forks += 1
        _close_all(pipes)
        run = _ForkedRun(pid, os.pidfd_open(pid), status)
        for descriptor in (run.pidfd, run.status):
            self._runs[descriptor] = run
            self._waiting.register(descriptor, select.POLLIN)
        return False

    def _follow(self, run: _ForkedRun, descriptor: int) -> None:
        """Tell the end of a run's process, or collect it when the daemon has closed its status socket."""
        if descriptor == run.pidfd:
            self._tell_end(run)
        else:
            for kill in (os.killpg, os.kill):  # it leads no group yet if it was only just forked
                with suppress(ProcessLookupError):
                    kill(run.pid, signal.SIGKILL)
            os.waitpid(run.pid, 0)
            self._forget(run.pidfd)
            self._forget(run.status)

    def _tell_end(self, run: _ForkedRun) -> None:
        ended = os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        with suppress(OSError):
            os.write(run.status, status_line(Ended(code)))
        self._forget(run.pidfd)
        run.pidfd = -1

    def _forget(self, descriptor: int) -> None:
        if self._runs.pop(descriptor, None) is not None:
            self._waiting.unregister(descriptor)
            os.close(descriptor)


def _become_run(pipes: list[int], status: int, parent_pid: int) -> None:
    """Make this process, which was just forked, what a new process of a run would be, and tell the daemon.

    Afterwards it has its three pipes and no other descriptor.
    """
    die_with_parent()
    if os.getppid() != parent_pid:
        os._exit(ChildExit.STOPPED)
    os.setsid()
    for standard, pipe in enumerate(pipes):
        os.dup2(pipe, standard)
    sys.stdin = os.fdopen(0, closefd=False)
    pidfd = os.pidfd_open(os.getpid())
    talking = socket.socket(fileno=status)
    descriptors = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
    with suppress(OSError):  # the daemon gave up; then there is no job on standard input either
        talking.sendmsg([status_line(Started(os.getpid()))], descriptors)
    talking.detach()
    os.closerange(STANDARD, max(open_descriptors()) + 1)
    for number in BLOCKED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)


def _tell_failure(error: Exception) -> None:
    os.write(sys.stdout.fileno(), REHEARSAL_FAILED + type(error).__name__.encode() + b"\n")


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
