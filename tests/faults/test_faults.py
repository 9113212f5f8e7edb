"""Two nodes, each fault once and a few kills: nothing is lost, doubled or stuck."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.packaging.here import ROOT

TIMEOUT_S = 900
KILLS = 10
#: Only root may create namespaces; other users need a user namespace of their own.
UNSHARE = ("unshare", "--net", "--mount") + (() if os.geteuid() == 0 else ("--map-root-user",))


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.needs("postgresql")
@pytest.mark.needs("mount")
@pytest.mark.needs("faketime")
@pytest.mark.timeout(TIMEOUT_S + 10)
def test_each_fault_leaves_everything_found_and_delivered_once(tmp_path: Path) -> None:
    """After a kill, a pause past the lease, a dead database, a cut link, an ill store, a full disk and wrong
    clocks, and a storm of kills, each offer has one listing and one delivered alert, and no row is stuck.
    """
    ran = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.faults.rounds", str(tmp_path), "--kills", str(KILLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert found["broken"] == [], _last_words(tmp_path)
    assert found["rounds"] == len(FAULTS) + 1
    assert sum(found["kills"].values()) == KILLS
    assert found["arrivals"] >= found["listings"] > 0


def _last_words(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(folder.glob("node*/log")))
