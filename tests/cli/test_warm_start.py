"""A command in a fork of the warm process does what the installed command does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.command import SPILLWATCH, TIMEOUT_S, environment, spillwatch


@pytest.mark.parametrize(
    "arguments",
    [("check", "--json"), ("listings", "--no-such-option"), ("crawl", "nobody"), ("--version",)],
    ids=["json", "usage", "refused", "version"],
)
def test_a_forked_command_prints_and_returns_what_a_new_process_does(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Both have the same folder, settings, output and exit code."""
    assert spillwatch(tmp_path, "init").returncode == 0
    extra = {"SPILLWATCH_DAEMON__LOG_LEVEL": "warning", "COLUMNS": "90"}
    new = subprocess.run(
        [SPILLWATCH, *arguments],
        cwd=tmp_path,
        env=environment(extra),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    forked = spillwatch(tmp_path, *arguments, extra=extra)

    assert (forked.returncode, forked.stdout, forked.stderr) == (new.returncode, new.stdout, new.stderr)


def test_a_setting_of_one_command_does_not_reach_the_next(tmp_path: Path) -> None:
    """Each fork begins with what it is given: no command sees the environment of an earlier one."""
    assert spillwatch(tmp_path, "init").returncode == 0
    wrong = spillwatch(tmp_path, "check", extra={"SPILLWATCH_DAEMON__LOG_LEVEL": "loud"})
    right = spillwatch(tmp_path, "check")

    assert (wrong.returncode, right.returncode) == (3, 0)
