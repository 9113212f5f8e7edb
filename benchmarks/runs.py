"""One run of one source in a child process, as the daemon starts it, for benchmarks of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.running.child_protocol import RunProgress
from crawler.running.run_processes import RunProcesses
from crawler.running.supervisor import Supervisor
from crawler.settings import CrawlerSettings
from crawler.sources import read_definition
from matching.masks import mask_text
from storage import runs, sources
from storage.database import schema
from storage.database.base import Database
from storage.runs import Run, RunTrigger
from storage.work import SilentDispatcher


@dataclass(frozen=True)
class OneRun:
    """A queued run."""

    database: Database
    supervisor: Supervisor
    run_id: int

    def carry_out(self) -> Run:
        self.supervisor.run(self.run_id)
        return self.row()

    def row(self) -> Run:
        with self.database.reading() as session:
            row = runs.run_by_id(session, self.run_id)
        assert row is not None
        return row

    def pid(self) -> int:
        pid = self.row().pid
        assert pid is not None
        return pid


def prepare_run(
    home: Path,
    definition: Mapping[str, Any],
    settings: CrawlerSettings,
    *,
    on_progress: Callable[[RunProgress], None] | None = None,
    processes: RunProcesses | None = None,
) -> OneRun:
    """Set up a database in an empty folder, with one source and a queued run of it."""
    home.mkdir(exist_ok=True)
    url = f"sqlite:///{home / 'spillwatch.db'}"
    database = Database.open(url)
    schema.upgrade_schema(database)
    now = datetime.now(UTC)
    stored = read_definition(definition).model_dump(mode="json")
    with database.transaction() as session:
        sources.sync_declared_sources(
            session, [sources.DeclaredSource("market", str(stored["kind"]), stored, None)], now
        )
        [source] = sources.active_sources(session)
        run_id = runs.enqueue_run(session, source.id, slot="one", trigger=RunTrigger.MANUAL, now=now)
    assert run_id is not None
    supervisor = Supervisor(
        database=database,
        database_url=url,
        evidence_dir=home / "evidence",
        settings=settings,
        mask=mask_text,
        dispatcher=SilentDispatcher(),
        relay=lambda _: None,
        on_progress=on_progress,
        processes=processes,
    )
    return OneRun(database, supervisor, run_id)
