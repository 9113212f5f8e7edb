"""The two lenders go the real way: key and segment are made with them, the monitor takes the segment up."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from configuration.settings import environment_without_settings
from demo.errors import NotEnrolled
from demo.people import write_csv
from demo.story import CUSTOMERS
from demo.workspace import Workspace
from matching.enrolment.enrol import enroll
from matching.fingerprints.scheme import new_key, write_key

REGIONS = {"quillmere": "US", "yutang": "CN"}
COMMAND_WITHIN_S = 60.0


def enrol_lenders(workspace: Workspace) -> None:
    """Leaves both lenders' segments in the monitor's database, and their lists in `customers/`."""
    premises = workspace.folder / "customers"
    premises.mkdir(mode=0o700)
    for slug in REGIONS:
        _import_segment(
            workspace, _make_segment(premises, slug, workspace.folder / "secrets" / f"{slug}.key")
        )


def _make_segment(premises: Path, slug: str, key_file: Path) -> Path:
    """What `keygen` and `enroll` do."""
    now, key = datetime.now(UTC), new_key()
    customers, segment = premises / f"{slug}.csv", premises / f"{slug}.segment"
    write_csv(customers, CUSTOMERS[slug])
    write_key(key, key_file, now)
    enroll(customers, segment, company=slug, key=key, default_region=REGIONS[slug], now=now)
    return segment


def _import_segment(workspace: Workspace, segment: Path) -> None:
    """The command as a user types it; what it says goes to `enrolment.log`."""
    arguments = ["--config", str(workspace.configuration), "segment", "import", str(segment)]
    log = workspace.folder / "enrolment.log"
    with log.open("a", encoding="utf-8") as stream:
        ended = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "cli.main", *arguments],
            stdout=stream,
            stderr=stream,
            env=environment_without_settings(),
            timeout=COMMAND_WITHIN_S,
            check=False,
        )
    if ended.returncode:
        raise NotEnrolled(f"`segment import` ended with code {ended.returncode}; {log} says why.")
