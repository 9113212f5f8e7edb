"""The console beside the daemon: it is kept, replaced and ended, whatever its process does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.console_process import ConsoleProcess
from tests.processes import children_of
from tests.waiting import wait_until

#: Writes its process id into a file, and waits.
LASTING = "import os,sys,time;open(sys.argv[1],'a').write(f'{os.getpid()}\\n');time.sleep(60)"
#: Does not end by SIGTERM.
STUBBORN = "import signal;signal.signal(signal.SIGTERM,signal.SIG_IGN);" + LASTING


@contextmanager
def kept(code: str, file: Path) -> Iterator[ConsoleProcess]:
    console = ConsoleProcess((sys.executable, "-c", code, str(file)), pauses_s=(0.05,))
    console.start()
    try:
        yield console
    finally:
        console.stop()


def started(file: Path, count: int) -> list[int]:
    """Return the process ids of the first `count` consoles, once there are as many."""
    wait_until(lambda: file.exists() and len(file.read_text().split()) >= count, f"{count} consoles")
    return [int(pid) for pid in file.read_text().split()]


def test_one_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with kept(LASTING, tmp_path / "pids") as console:
        [first] = started(tmp_path / "pids", 1)
        assert console.problem() is None
        os.kill(first, 9)
        first, second = started(tmp_path / "pids", 2)
        told = console.problem()
    assert (first != second, told is not None and "-9" in told) == (True, True)
    assert second not in children_of(os.getpid())


def test_one_that_is_replaced_is_no_problem(tmp_path: Path) -> None:
    with kept(LASTING, tmp_path / "pids") as console:
        started(tmp_path / "pids", 1)
        console.replace()
        assert len(started(tmp_path / "pids", 2)) == 2
        assert console.problem() is None


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with kept(STUBBORN, tmp_path / "pids") as console:
        [pid] = started(tmp_path / "pids", 1)
        console.stop()
        wait_until(lambda: pid not in children_of(os.getpid()), "the end of the console")
