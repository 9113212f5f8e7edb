"""Runs commands in forks of a process that has imported them, as importing takes most of a command's time.

A command has a process, folder, environment, standard output and exit code of its own, as with a new process.
Tests about the start itself start SPILLWATCH.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from cli.main import main
from tests.peers.postgres import die_with_parent

#: Modules whose import opens descriptors. A fork must not share them.
NEVER_SHARED = ("twisted.internet.reactor",)


class ForkedCommand:
    """A command that runs in a fork, with the part of `subprocess.Popen` that tests use.

    `stderr` is a pipe, unless `output` and `errors` name the files that get its two outputs. `network`: the
    path of the network namespace in which it runs; None: that of the tests.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: str = os.devnull,
        errors: str | None = None,
        network: str | None = None,
    ) -> None:
        forks = fork_context()
        ours, theirs = forks.Pipe(duplex=False)
        self._process = forks.Process(
            target=_become_command,
            args=(["spillwatch", *arguments], folder, dict(environment), output, errors or theirs, network),
        )
        self._process.start()
        theirs.close()
        self.stderr = os.fdopen(os.dup(ours.fileno()), encoding="utf-8")
        ours.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise TimeoutError(f"the command did not end within {timeout:g} s")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_forked(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends, like `subprocess.run` with `capture_output` and `text`."""
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        process = ForkedCommand(
            arguments, folder=folder, environment=environment, output=output.name, errors=errors.name
        )
        process.stderr.close()
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
        texts = (file.read().decode() for file in (output, errors))
        return subprocess.CompletedProcess(["spillwatch", *arguments], code, *texts)


@cache
def fork_context() -> ForkServerContext:
    """Return what forks processes of the warm process. The first use starts it, and it ends with this one."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.cli.warm_commands"])
    return forks


def _become_command(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    output: str,
    errors: str | Connection,
    network: str | None,
) -> None:
    """Carry out the command in this process, which was just forked."""
    assert not [name for name in NEVER_SHARED if name in sys.modules]
    if network is not None:
        _enter_network(network)
        die_with_parent()  # it is a daemon, which a killed test must not leave behind
    _redirect(1, output)
    _redirect(2, errors)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = command
    main()


def _enter_network(path: str) -> None:
    """Move this process, which has one thread, into a network namespace. Python 3.11 has no `os.setns`."""
    with Path(path).open("rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


def _redirect(descriptor: int, target: str | Connection) -> None:
    """Let everything that is written to the descriptor go to an existing file or to a pipe."""
    opened = os.open(target, os.O_WRONLY | os.O_APPEND) if isinstance(target, str) else target.fileno()
    os.dup2(opened, descriptor)
    if isinstance(target, str):
        os.close(opened)
    else:
        target.close()
