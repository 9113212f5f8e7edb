"""The set-up scripts: what they say on a machine that lacks something."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.packaging.here import answer


def _find_python(python: str) -> subprocess.CompletedProcess[str]:
    return answer("setup/find-python.sh", env={**os.environ, "PYTHON": python})


def test_a_suitable_python_is_found() -> None:
    """The path is printed, for `-m venv`."""
    assert _find_python(sys.executable).stdout.strip() == sys.executable


def test_a_program_that_is_no_new_python_is_refused_with_a_sentence() -> None:
    """It says what was looked for, what was wanted and what to do."""
    found = _find_python("false no-such-python")

    assert found.returncode == 1
    assert "no Python of 3.11 or newer (looked for: false no-such-python)" in found.stderr
    assert "make PYTHON=/path/to/python3.11" in found.stderr


def test_make_names_every_command() -> None:
    """`make` alone lists what there is to make, and each thing listed is a target."""
    shown = answer("make", "--no-print-directory").stdout.splitlines()
    listed = {line.split()[1] for line in shown if line.startswith("make ")}

    assert {"demo", "run", "test", "check", "bench"} <= listed
    assert answer("make", "--dry-run", *listed).returncode == 0
