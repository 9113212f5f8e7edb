"""The set-up scripts and make: what they find, what they say where something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from setup.native_library import SOURCES
from tests.packaging.here import ROOT, answer


def _find_python(python: str) -> subprocess.CompletedProcess[str]:
    return answer("setup/find-python.sh", env={**os.environ, "PYTHON": python})


def test_a_suitable_python_is_found() -> None:
    """It prints the path, for `-m venv`."""
    assert _find_python(sys.executable).stdout.strip() == sys.executable


def test_a_program_that_is_no_new_python_is_refused_with_a_sentence() -> None:
    """The message says what was searched for, what is needed and what to do."""
    found = _find_python("false no-such-python")

    assert found.returncode == 1
    assert "3.11" in found.stderr
    assert "false no-such-python" in found.stderr
    assert "make PYTHON=/path/to/python3.11" in found.stderr


def test_make_names_every_command() -> None:
    """`make` without a target lists commands, and each of them is a target."""
    shown = answer("make", "--no-print-directory").stdout.splitlines()
    listed = {line.split()[1] for line in shown if line.startswith("make ")}

    assert {"demo", "run", "test", "check", "bench"} <= listed
    assert answer("make", "--dry-run", *listed).returncode == 0


def test_make_installs_again_when_a_source_of_the_tables_changes() -> None:
    """Every module of ours that the build imports, and every C file, is an input of the installation."""
    code = (
        "import sys, setup.table_files; print(*(getattr(m, '__file__', None) for m in sys.modules.values()))"
    )
    imported = answer(sys.executable, "-c", code).stdout.split()
    sources = {Path(file).relative_to(ROOT).as_posix() for file in imported if file.startswith(f"{ROOT}/")}
    sources = {
        name for name in sources if not name.startswith(".venv/") and not name.endswith("/__init__.py")
    }

    database = answer("make", "--print-data-base", "--dry-run", "help").stdout
    rule = re.search(r"^\.venv/runtime: (.*)", database, re.MULTILINE)

    assert rule
    assert "setup/fold_images.py" in sources
    assert sources - set(rule[1].split()) == set()
    assert {f"matching/native/{file.name}" for file in SOURCES.glob("*.[ch]")} <= set(rule[1].split())
