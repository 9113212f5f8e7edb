"""Runs commands in forks of a process that has imported them, as importing takes most of a command's time.

A command has a process, folder, environment, standard output and exit code of its own, as with a new process.
Tests about the start itself start SPILLWATCH.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

from cli.main import main

#: Modules whose import opens descriptors. A fork must not share them.
NEVER_SHARED = ("twisted.internet.reactor",)


def run_forked(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends, like `subprocess.run` with `capture_output` and `text`."""
    command = ["spillwatch", *arguments]
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        process = _forks().Process(
            target=_become_command, args=(command, folder, dict(environment), output.name, errors.name)
        )
        process.start()
        process.join(timeout_s)
        if (code := process.exitcode) is None:
            process.kill()
            process.join()
        process.close()
        if code is None:
            raise subprocess.TimeoutExpired(command, timeout_s, output.read(), errors.read())
        return subprocess.CompletedProcess(command, code, output.read().decode(), errors.read().decode())


@cache
def _forks() -> ForkServerContext:
    """Return what forks the warm process, which is started by the first use and ends with this process."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.cli.warm_commands"])
    return forks


def _become_command(
    command: list[str], folder: Path, environment: Mapping[str, str], output: str, errors: str
) -> None:
    """Carry out the command in this process, which was just forked. Both files exist and are empty."""
    assert not [name for name in NEVER_SHARED if name in sys.modules]
    for path, descriptor in ((output, 1), (errors, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = command
    main()
