"""deploy/spillwatch.service passes systemd's checks and has the properties that operators rely on."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

import pytest

from tests.packaging.here import ROOT, answer

pytestmark = pytest.mark.needs("systemd")

UNIT = ROOT / "deploy/spillwatch.service"


def _unit_for_this_environment(folder: Path) -> Path:
    """Write the unit with the program of this environment: systemd checks that the program exists."""
    program = Path(sys.executable).with_name("spillwatch")
    path = folder / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/spillwatch/bin/spillwatch", str(program)))
    return path


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """`systemd-analyze verify` prints nothing: no directive is misspelt, no program is missing."""
    found = answer("systemd-analyze", "verify", "--man=no", _unit_for_this_environment(tmp_path))

    assert (found.returncode, found.stderr) == (0, "")


def test_systemd_rates_the_exposure_as_low(tmp_path: Path) -> None:
    """The exposure is 2.0 or less of 10: the sandbox leaves only the network and the data folder open."""
    found = answer(
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=20",
        _unit_for_this_environment(tmp_path),
    )

    assert found.returncode == 0, found.stdout[-200:]


def test_the_daemon_is_watched_restarted_and_leaves_no_child() -> None:
    """Without these four lines, nobody would notice a daemon that hangs or was killed."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys are case-sensitive
    unit.read_string(UNIT.read_text())
    service = unit["Service"]

    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "60"
    assert service["Restart"] == "always"
    assert service["KillMode"] == "control-group"
