"""deploy/spillwatch.service: systemd's own check, and the properties that operations rely on."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

import pytest

from tests.packaging.here import ROOT, answer

pytestmark = pytest.mark.needs("systemd")

UNIT = ROOT / "deploy/spillwatch.service"


def _here(folder: Path) -> Path:
    """The unit with its program in this environment: systemd also checks that the program is there."""
    program = Path(sys.executable).with_name("spillwatch")
    path = folder / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/spillwatch/bin/spillwatch", str(program)))
    return path


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing: no misspelt directive, no missing program."""
    found = answer("systemd-analyze", "verify", "--man=no", _here(tmp_path))

    assert (found.returncode, found.stderr) == (0, "")


def test_systemd_rates_the_exposure_as_low(tmp_path: Path) -> None:
    """2.0 or less of 10: what the sandbox leaves open is the network and its own folder."""
    found = answer("systemd-analyze", "security", "--offline=true", "--threshold=20", _here(tmp_path))

    assert found.returncode == 0, found.stdout[-200:]


def test_the_daemon_is_watched_restarted_and_leaves_no_child() -> None:
    """The four lines without which a hung or killed daemon would be a silent failure."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys are case-sensitive
    unit.read_string(UNIT.read_text())
    service = unit["Service"]

    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "60"
    assert service["Restart"] == "always"
    assert service["KillMode"] == "control-group"
