from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from demo.child_process import ChildProcess

WITHIN_S = 60.0
STARTER = """
import sys
from pathlib import Path
from demo.child_process import ChildProcess

child = ChildProcess("demo.sites", log=Path(sys.argv[1]))
child.wait_until_ready()
print(child.process.pid, flush=True)
sys.stdin.readline()
"""


def test_a_child_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    """A process that dies at its start raises an error that names its log."""
    log = tmp_path / "child.log"
    with (
        ChildProcess("demo.no_such_module", log=log) as child,
        pytest.raises(RuntimeError, match=r"child\.log"),
    ):
        child.wait_until_ready()

    assert "No module named" in log.read_text()


def test_a_child_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    """After kill -9 of its parent, the child ends because its input is closed."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "sites.log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())

    ended = os.pidfd_open(pid)

    starter.kill()

    ready, _, _ = select.select([ended], [], [], WITHIN_S)
    starter.communicate()
    os.close(ended)
    assert ready == [ended]
