"""The settings for a faster start, tried in separate processes because they cannot be undone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from daemon.process_start import BLAS_THREADS


def said(program: str, environment: Mapping[str, str]) -> list[str]:
    """Run a program and return the words that it prints."""
    inherited = {name: value for name, value in os.environ.items() if name != BLAS_THREADS}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


@pytest.mark.parametrize(("set_by_user", "threads"), [({}, "1"), ({BLAS_THREADS: "3"}, "3")])
def test_numpy_starts_no_thread_that_nobody_asked_for(set_by_user: dict[str, str], threads: str) -> None:
    """numpy starts as many threads as the user configures, and by default none."""
    program = """
import os
from daemon import process_start
process_start.before_imports()
import numpy
print(len(os.listdir("/proc/self/task")), os.environ["OPENBLAS_NUM_THREADS"])
"""

    running, handed_on = said(program, set_by_user)

    assert handed_on == threads
    assert int(running) == min(int(threads), os.cpu_count() or 1)


def test_what_is_imported_is_never_collected() -> None:
    """No collection runs during imports or visits modules later, and collection is on again afterwards."""
    program = """
import gc
from daemon import process_start
ran = []
gc.callbacks.append(lambda phase, about: ran.append(phase))
process_start.before_imports()
import email.message, typing, json, decimal, asyncio
held = [[] for _ in range(10_000)]
process_start.after_imports()
print(len(ran), gc.get_freeze_count() > 10_000, gc.isenabled())
"""

    assert said(program, {}) == ["0", "True", "True"]


def test_a_process_that_did_not_begin_so_keeps_its_garbage_collected() -> None:
    """Loading a command in a test's process does not freeze that process's objects."""
    program = """
import gc
from typer.testing import CliRunner
from cli.main import app
ran = CliRunner().invoke(app, ["listings", "--help"])
print(ran.exit_code, gc.get_freeze_count(), gc.isenabled())
"""

    assert said(program, {}) == ["0", "0", "True"]


def test_structlog_imports_neither_twisted_nor_rich() -> None:
    """Both can be imported afterwards, and what was imported before stays."""
    program = """
import sys
import rich
from daemon import process_start
process_start.import_structlog()
print("twisted" in sys.modules, sys.modules["rich"] is rich)
process_start.import_structlog()
import twisted.python.failure
import structlog
print(twisted.python.failure.Failure.__name__, structlog.twisted)
"""

    assert said(program, {}) == ["False", "True", "Failure", "None"]
