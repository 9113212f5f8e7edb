"""`spillwatch demo`, as its user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SPILLWATCH = Path(sys.executable).with_name("spillwatch")
WITHIN_S = 240.0
COUNTS = [
    "runs",
    "listings",
    "versions",
    "mentions",
    "fingerprint_hits",
    "alerts",
    "emails_received",
    "webhooks_received",
    "webhooks_verified",
    "seconds_to_first_alert",
]


def demo(*options: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SPILLWATCH, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )


@pytest.mark.timeout(300)
def test_one_cycle_comes_to_what_the_story_says(tmp_path: Path) -> None:
    """`demo --once --json` ends with the counts and 0, alerts within a minute, and leaves nothing behind."""
    with demo("--once", "--json", folder=tmp_path) as process:
        output, errors = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0, errors
    counts = json.loads(output.splitlines()[-1])
    assert list(counts) == COUNTS
    assert counts["seconds_to_first_alert"] < 60
    assert counts["webhooks_verified"] == counts["webhooks_received"] == counts["emails_received"]
    assert list(tmp_path.iterdir()) == []
