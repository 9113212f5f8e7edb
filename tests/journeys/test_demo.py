"""`spillwatch demo` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import children_of

SPILLWATCH = Path(sys.executable).with_name("spillwatch")
WITHIN_S = 240.0
LOG_LINES = 60
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
    """Start the demo with environment variables that it must ignore: another database, a disabled channel."""
    elsewhere = {
        "SPILLWATCH_STORAGE__DATABASE_URL": f"sqlite:///{folder}/not-the-demos.db",
        "SPILLWATCH_ALERTS__CHANNELS__HOOK__ENABLED": "false",
    }
    return subprocess.Popen(
        [SPILLWATCH, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | elsewhere | {"TMPDIR": str(folder)},
    )


def kept_logs(folder: Path) -> list[str]:
    """Return the last lines of each log of a demo that failed."""
    logs = sorted(folder.rglob("*.log"))
    return [line for log in logs for line in [f"{log.name}:", *log.read_text().splitlines()[-LOG_LINES:]]]


@pytest.mark.timeout(300)
def test_one_cycle_comes_to_what_the_story_says(tmp_path: Path) -> None:
    """`demo --once --json` ends with 0 and the counts, and leaves nothing behind."""
    with demo("--once", "--json", folder=tmp_path) as process:
        output, errors = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 0, "\n".join([errors, *kept_logs(tmp_path)])
    counts = json.loads(output.splitlines()[-1])
    assert list(counts) == COUNTS
    assert counts["seconds_to_first_alert"] > 0
    assert counts["webhooks_verified"] == counts["webhooks_received"] == counts["emails_received"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(120)
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """After Ctrl-C no process and no folder of the demo is left."""
    # A shell starts a background job (`make test &`) with this signal ignored, and a child inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with demo("--once", folder=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the daemon runs
        group = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)

    assert process.returncode == 130
    assert len(group) == 3
    assert [pid for pid in group if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.iterdir()) == []
