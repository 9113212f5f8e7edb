"""A look for runs that may begin, and the claim of one, with 10,000 sources, on both databases.

The engine looks once a second. In the first case each source has a site of its own and five runs are due; in
the others, 300 or 1,500 of the sources share one site, and a run of each of these is due. The first look
after a start or a reload reads all sources, and is shown apart. The times are CPU time of this process, so
without that of PostgreSQL's server.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.measure import report
from benchmarks.storage import empty_database, postgresql_url
from crawler.scheduling.site_board import runs_to_begin
from crawler.scheduling.site_turns import claim_run
from storage import runs, sources
from storage.database.base import Database
from storage.runs import RunTrigger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCES = 10_000
LOOKS = 20
CASES = {
    "5 due, each with its own site": (5, 1),
    "300 due of one site": (300, 300),
    "1,500 due of one site": (1_500, 1_500),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, postgresql_url() as url:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'bench.db'}", "postgresql": url}
        rows = [row for name, each in urls.items() for row in _measure_database(name, each)]
    report(("database", "case", "first look ms", "look ms", "claim ms"), rows)


def _measure_database(name: str, url: str) -> Iterator[tuple[object, ...]]:
    with empty_database(url) as database:
        for case, (due, sharing) in CASES.items():
            _declare(database, sharing)
            ids = _queue(database, due, case)
            first, *later = [_look(database) for _ in range(LOOKS + 1)]
            claims = [_ms(partial(_claim, database, run_id)) for run_id in ids[:LOOKS]]
            yield name, case, first, median(later), median(claims)
            _finish(database)


def _declare(database: Database, sharing: int) -> None:
    """Make the sources those of a case; the first `sharing` ones have one site."""
    declared = [
        sources.DeclaredSource(f"source-{number}", "feed", _definition(number, sharing), f"{number}.toml")
        for number in range(SOURCES)
    ]
    with database.transaction() as session:
        sources.sync_declared_sources(session, declared, NOW)
    with database.transaction() as session:
        for each in sources.all_sources(session):
            each.cursor = {"known": [f"/notice/{number}" for number in range(50)]}


def _definition(number: int, sharing: int) -> dict[str, object]:
    host = "shared.example" if number < sharing else f"host-{number}.example"
    return {"kind": "feed", "start": [f"https://{host}/feed/{number}"], "politeness": {"delay_s": 5}}


def _queue(database: Database, due: int, case: str) -> list[int]:
    with database.transaction() as session:
        names = [f"source-{number}" for number in range(due)]
        found = [sources.source_by_name(session, name) for name in names]
        ids = [
            runs.enqueue_run(session, each.id, slot=case, trigger=RunTrigger.SCHEDULE, now=NOW)
            for each in found
            if each is not None
        ]
    return [each for each in ids if each is not None]


def _look(database: Database) -> float:
    def look() -> None:
        with database.reading() as session:
            runs_to_begin(session, now=NOW + timedelta(seconds=1), limit=256)

    return _ms(look)


def _claim(database: Database, run_id: int) -> None:
    with database.transaction() as session:
        run = runs.run_by_id(session, run_id)
        assert run is not None
        claim_run(session, run, now=NOW + timedelta(seconds=2))


def _finish(database: Database) -> None:
    with database.transaction() as session:
        runs.interrupt_orphans(session, now=NOW)
        for run_id in runs.due_runs(session, now=NOW + timedelta(hours=1), limit=SOURCES):
            runs.claim_run(session, run_id, now=NOW)
        runs.interrupt_orphans(session, now=NOW)


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000
