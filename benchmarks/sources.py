"""10,000 sources at one visit in 15 minutes: CPU time per visit and per hour, and the daemon's memory.

The daemon's own parts (schedule, engine, supervisor, warm process) work in this process on SQLite; its rows
are made before, so that no source has missed a visit. Each source is an empty feed on a loopback address of
its own, so that no source waits for another one. The visits that fall due in a window of a minute are made
with real runs, as many as the machine manages. The figure for an hour is 40,000 times the CPU time of a
visit that found nothing, with that of the schedule, the looks and the supervisor.

Then the looks for due work and the rows of a visit (queued, claimed, ended) are repeated without a run, as
fast as they go. Memory is the resident memory of this process.
"""

from __future__ import annotations

import logging
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from aiohttp import web
from sqlalchemy import func, insert, select

from benchmarks.measure import report
from benchmarks.sites import site
from configuration.configuration import Configuration
from configuration.settings import Settings
from crawler.running.run_processes import RunProcess
from crawler.running.warm_process import WarmProcesses
from crawler.scheduling.run_schedule import RunSchedule
from crawler.scheduling.site_turns import claim_run
from crawler.sources import read_definition
from daemon.engine import EmbeddedEngine
from daemon.work_assembly import DaemonParts, assemble
from matching.masks import mask_text
from storage import runs, sources
from storage.database.base import Database
from storage.database.schema import upgrade_schema
from storage.evidence.warc import EvidenceStore
from storage.runs import Run, RunOutcome, RunState, RunTrigger

SOURCES = 10_000
WINDOW_S = float(os.environ.get("SPILLWATCH_BENCH_WINDOW_S", 60))
STARTED_WITHIN_S = 300.0
ROUNDS = int(os.environ.get("SPILLWATCH_BENCH_ROUNDS", 5_000))
VISITS_PER_HOUR = SOURCES * 4
TICKS = os.sysconf("SC_CLK_TCK")
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Notices</title></channel></rss>"""


class _Watched(WarmProcesses):
    """Warm processes that remember which one started the last run."""

    parent_pid: int | None = None

    def start(self) -> RunProcess:
        process = super().start()
        self.parent_pid = process.parent_pid
        return process


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as name, site(routes, every_address=True) as url:
        home = Path(name)
        database = Database.open(f"sqlite:///{home / 'spillwatch.db'}")
        upgrade_schema(database)
        _declare(database, url.rpartition(":")[2])
        _measure_window(home, database)
        _measure_rounds(home, database)
        database.close()


def _declare(database: Database, port: str) -> None:
    """Declare the sources, each with a visit whose next slot is still to come."""
    declared = [_source(number, port) for number in range(SOURCES)]
    now = datetime.now(UTC)
    with database.transaction() as session:
        sources.sync_declared_sources(session, declared, now)
        ids = session.scalars(select(sources.Source.id)).all()
        ended = {"trigger": RunTrigger.SCHEDULE, "state": RunState.FINISHED, "queued_at": now}
        ended |= {"started_at": now, "finished_at": now, "outcome": RunOutcome.NOTHING_NEW}
        session.execute(insert(Run), [{"source_id": each, "slot": "before", **ended} for each in ids])


def _source(number: int, port: str) -> sources.DeclaredSource:
    address = f"127.1.{number // 250}.{number % 250 + 1}"
    definition = {
        "kind": "feed",
        "start": f"http://{address}:{port}/feed",
        "allow_private_addresses": [address],
        "politeness": {"delay_s": 0},
    }
    stored = read_definition(definition).model_dump(mode="json")
    return sources.DeclaredSource(f"source-{number:05}", "feed", stored, None)


@contextmanager
def _daemon_parts(home: Path, database: Database, processes: WarmProcesses) -> Iterator[_Parts]:
    def clock() -> datetime:
        return datetime.now(UTC)

    storage = {"database_url": f"sqlite:///{home / 'spillwatch.db'}", "evidence_dir": home / "evidence"}
    settings = Settings.model_validate({"storage": storage})
    engine = EmbeddedEngine(database, clock=clock)
    parts = assemble(
        Configuration(home / "spillwatch.toml", settings, (), ()),
        database=database,
        evidence=EvidenceStore(home / "evidence"),
        engine=engine,
        clock=clock,
        processes=processes,
    )
    schedule = RunSchedule(database=database, dispatcher=engine, clock=clock)
    engine.serve(parts.lanes)
    yield engine, schedule, parts
    schedule.stop()
    parts.supervisor.stop()
    engine.stop(30.0)


_Parts = tuple[EmbeddedEngine, RunSchedule, DaemonParts]


def _measure_window(home: Path, database: Database) -> None:
    processes = _Watched(mask=mask_text)
    with _daemon_parts(home, database, processes) as (engine, schedule, _):
        began = time.process_time()
        schedule.start()
        planned = time.process_time() - began
        engine.start()
        deadline = time.monotonic() + STARTED_WITHIN_S
        while not _ended(database) and time.monotonic() < deadline:  # the warm process imports everything
            time.sleep(1.0)
        before = _used(processes), _ended(database)
        time.sleep(WINDOW_S)
        after = _used(processes), _ended(database)
        waiting = _count(database, Run.state == RunState.QUEUED)
    processes.close()
    found = {outcome: after[1].get(outcome, 0) - before[1].get(outcome, 0) for outcome in after[1]}
    visits = sum(found.values())
    in_runs, in_daemon = ((late - early) / visits for early, late in zip(before[0], after[0], strict=True))
    whole = in_runs + in_daemon
    print(
        f"plan of {SOURCES:,} sources: {planned:.1f} CPU s; outcomes {found}; {waiting} more due", end="\n\n"
    )
    report(
        ("visits", "CPU s per visit", "of it in the daemon", "CPU s per hour", "CPUs"),
        [(visits, whole, in_daemon, whole * VISITS_PER_HOUR, whole * VISITS_PER_HOUR / 3600)],
    )


def _used(processes: _Watched) -> tuple[float, float]:
    """Return the CPU time of the runs so far, with that of the warm process, and of this process."""
    assert processes.parent_pid is not None
    fields = Path(f"/proc/{processes.parent_pid}/stat").read_text().rpartition(")")[2].split()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return sum(map(int, fields[11:15])) / TICKS, usage.ru_utime + usage.ru_stime


def _ended(database: Database) -> dict[str, int]:
    with database.reading() as session:
        counted = select(Run.outcome, func.count()).where(Run.slot != "before", Run.outcome.is_not(None))
        return {str(row[0]): row[1] for row in session.execute(counted.group_by(Run.outcome))}


def _count(database: Database, condition: object) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Run).where(condition)) or 0  # type: ignore[arg-type]  # of Run


def _measure_rounds(home: Path, database: Database) -> None:
    """Repeat the looks of all lanes with the rows of one visit, and print the memory on the way."""
    processes = WarmProcesses(mask=mask_text)
    with database.transaction() as session:
        runs.interrupt_orphans(session, now=datetime.now(UTC))
        for run_id in runs.due_runs(session, now=datetime.now(UTC), limit=SOURCES):
            runs.claim_run(session, run_id, now=datetime.now(UTC))
        runs.interrupt_orphans(session, now=datetime.now(UTC))
        ids = list(session.scalars(select(sources.Source.id)))
    rows = []
    with _daemon_parts(home, database, processes) as (_, _, parts):
        began = time.process_time()
        for number in range(1, ROUNDS + 1):
            now = datetime.now(UTC) + timedelta(seconds=number)
            with database.reading() as session:
                for lane in parts.lanes:
                    lane.due(session, now=now, limit=256)
            _visit_rows(database, ids[number % len(ids)], number, now)
            if number % (ROUNDS // 5) == 0:
                spent = (time.process_time() - began) / number * 1000
                rows.append((number, _resident_mib(), spent))
    processes.close()
    report(("rounds", "resident MiB", "CPU ms per round"), rows)


def _visit_rows(database: Database, source_id: int, number: int, now: datetime) -> None:
    with database.transaction() as session:
        run_id = runs.enqueue_run(
            session, source_id, slot=f"round {number}", trigger=RunTrigger.SCHEDULE, now=now
        )
    assert run_id is not None
    with database.transaction() as session:
        run = runs.run_by_id(session, run_id)
        assert run is not None
        epoch = claim_run(session, run, now=now)
    assert epoch is not None
    with database.transaction() as session:
        runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NOTHING_NEW, now=now)


def _resident_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def routes() -> list[web.RouteDef]:
    async def feed(request: web.Request) -> web.Response:
        return web.Response(text=FEED, content_type="application/rss+xml")

    return [web.get("/feed", feed)]
