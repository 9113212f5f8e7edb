"""How long a run waits for a database to which another process writes."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from crawler.running.child_protocol import ChildExit, Failure, Job, message_of
from crawler.running.run_processes import RUN_COMMAND, NewProcesses
from crawler.running.supervisor import Supervisor
from matching.masks import mask_text
from storage import runs
from storage.database.base import BUSY_TIMEOUT_S
from tests.crawler.conftest import Runs
from tests.peers.web import Site


def test_a_run_is_as_patient_with_a_busy_database_as_is_set(crawl: Runs, site: Site, tmp_path: Path) -> None:
    """The setting reaches the run's process: it gives up after that time and not after the default."""
    handed = tmp_path / "job"
    source_id = crawl.declare("market", f"{site.url}/offers")
    Supervisor(
        database=crawl.database,
        database_url=crawl.url,
        evidence_dir=crawl.evidence_dir,
        settings=crawl.settings,
        mask=mask_text,
        dispatcher=crawl.dispatcher,
        relay=crawl.dispatcher.work.append,
        processes=NewProcesses(("sh", "-c", f"head -n 1 > '{handed}'")),
        busy_timeout_s=0.2,
    ).run(crawl.enqueue(source_id))
    run_id = crawl.enqueue(source_id)
    with crawl.database.transaction() as session:
        epoch = runs.claim_run(session, run_id, now=datetime.now(UTC))
    job = Job.read(handed.read_bytes()).model_copy(update={"run_id": run_id, "epoch": epoch})

    with crawl.database.transaction() as session:
        session.connection()  # begins: on SQLite no other connection can write from now on
        line = job.model_dump_json().encode() + b"\n"
        ran = subprocess.run(
            RUN_COMMAND, input=line, capture_output=True, check=False, timeout=BUSY_TIMEOUT_S - 5
        )

    failures = [message_of(line) for line in ran.stdout.splitlines() if b"failure" in line]
    assert ran.returncode == ChildExit.STORAGE
    assert [each.reason for each in failures if isinstance(each, Failure)] == ["database_busy"]
