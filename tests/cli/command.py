"""Runs the command as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.warm_start import run_forked

#: The installed command, for tests about its start and for processes that a test controls.
SPILLWATCH = str(Path(sys.executable).with_name("spillwatch"))
TIMEOUT_S = 90


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment without Spillwatch's settings, with a terminal wide enough for whole cells."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPILLWATCH_")}
    return {**clean, "COLUMNS": "250", "TZ": "UTC", **(extra or {})}


def spillwatch(
    folder: Path, *arguments: str, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder until it ends, in a fork of a process that has imported it."""
    return run_forked(arguments, folder=folder, environment=environment(extra), timeout_s=TIMEOUT_S)


def answer(folder: Path, *arguments: str, code: int = 0, extra: Mapping[str, str] | None = None) -> Any:
    """Return the JSON of a command that must end with `code`."""
    ran = spillwatch(folder, *arguments, "--json", extra=extra)
    assert ran.returncode == code, ran.stderr or ran.stdout
    return json.loads(ran.stdout)
