"""Enrols the two lenders' customers as in real use: key and segment on their side, then an import."""

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
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import new_key

REGIONS = {"quillmere": "US", "yutang": "CN"}
COMMAND_WITHIN_S = 60.0


def enrol_lenders(workspace: Workspace) -> None:
    """Import both lenders' segments into the monitor's database. Their lists stay in `customers/`."""
    premises = workspace.folder / "customers"
    premises.mkdir(mode=0o700)
    for slug in REGIONS:
        _import_segment(
            workspace, _make_segment(premises, slug, workspace.folder / "secrets" / f"{slug}.key")
        )


def _make_segment(premises: Path, slug: str, key_file: Path) -> Path:
    """Do the same as `spillwatch keygen` and `spillwatch enroll`."""
    now, key = datetime.now(UTC), new_key()
    customers, segment = premises / f"{slug}.csv", premises / f"{slug}.segment"
    write_csv(customers, CUSTOMERS[slug])
    write_key(key, key_file, now)
    enroll(customers, segment, company=slug, key=key, default_region=REGIONS[slug], now=now)
    return segment


def _import_segment(workspace: Workspace, segment: Path) -> None:
    """Run the command as a user types it. Its output goes to `enrolment.log`."""
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
        raise NotEnrolled(f"`segment import` ended with code {ended.returncode}. See {log}.")
