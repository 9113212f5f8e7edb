"""A visit that finds nothing: CPU time and memory of the run's process, forked or started.

A local server in a process of its own has one feed with one item, which the first visit stores. The visits
after the warm process has rehearsed are measured. The CPU time of a forked run includes what the warm process
spends on it. Private memory is what the run does not share with others (`Private_Clean` and `Private_Dirty`),
at its highest.
"""

from __future__ import annotations

import logging
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import structlog
from aiohttp import web

from benchmarks.measure import report
from benchmarks.runs import OneRun, prepare_run
from benchmarks.sites import site
from crawler.running.run_processes import NewProcesses, RunProcess, RunProcesses
from crawler.running.warm_process import WarmProcesses
from crawler.settings import CrawlerSettings
from daemon.fork_server import REHEARSED_AFTER
from matching.masks import mask_text
from storage import runs
from storage.runs import RunOutcome, RunTrigger

VISITS = {"new": 3, "forked": 20}
LOOKS_S = 0.002
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Notices</title>
<item><title>Base of an invented shop</title><link>/notice/1</link><guid>1</guid>
<description>1,000 rows, fresh</description></item></channel></rss>"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class _Watched:
    """A way to get processes that remembers the last one."""

    processes: RunProcesses
    last: RunProcess | None = None

    def start(self) -> RunProcess:
        self.last = self.processes.start()
        return self.last

    def replace(self) -> None:
        self.processes.replace()

    def close(self) -> None:
        self.processes.close()


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ways: dict[str, Callable[[], RunProcesses]] = {
        "new": NewProcesses,
        "forked": lambda: WarmProcesses(mask=mask_text),
    }
    with site(routes) as url, tempfile.TemporaryDirectory() as folder:
        rows = [
            _measure_way(Path(folder) / way, way, _Watched(make()), f"{url}/feed")
            for way, make in ways.items()
        ]
    report(("process", "visits", "CPU s per visit", "of it in the daemon", "seconds", "private MiB"), rows)


def _measure_way(home: Path, way: str, watched: _Watched, url: str) -> tuple[object, ...]:
    definition = {
        "kind": "feed",
        "start": url,
        "allow_private_addresses": ["127.0.0.1"],
        "politeness": {"delay_s": 0},
    }
    one = prepare_run(home, definition, CrawlerSettings(), processes=watched)
    one.carry_out()
    for number in range(REHEARSED_AFTER):
        _visit(one, f"before {number}")
    visits, walls = VISITS[way], []
    own, children = _own_cpu_s(), _children_cpu_s(watched, way)
    for number in range(visits):
        began = time.monotonic()
        _visit(one, f"visit {number}")
        walls.append(time.monotonic() - began)
    own, children = _own_cpu_s() - own, _children_cpu_s(watched, way) - children
    peak = _private_peak(lambda: _visit(one, "peak"), watched)
    watched.close()
    return way, visits, (own + children) / visits, own / visits, median(walls), peak


def _visit(one: OneRun, slot: str) -> None:
    """Visit the source once more, which must find nothing."""
    with one.database.transaction() as session:
        run_id = runs.enqueue_run(session, 1, slot=slot, trigger=RunTrigger.MANUAL, now=datetime.now(UTC))
    assert run_id is not None
    one.supervisor.run(run_id)
    with one.database.reading() as session:
        row = runs.run_by_id(session, run_id)
    assert row is not None and row.outcome is RunOutcome.NOTHING_NEW, row and (row.outcome, row.detail)


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _children_cpu_s(watched: _Watched, way: str) -> float:
    """Return the CPU time of the runs so far, in the second case with that of the warm process."""
    if way == "new":
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    assert watched.last is not None
    fields = Path(f"/proc/{watched.last.parent_pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _private_peak(visit: Callable[[], None], watched: _Watched) -> float:
    """Return the highest private memory of a visit's process, in MiB."""
    watched.last = None
    peak, visiting = 0.0, threading.Thread(target=visit)
    visiting.start()
    while visiting.is_alive():
        if watched.last is not None:
            peak = max(peak, _private_mib(watched.last.pid))
        time.sleep(LOOKS_S)
    return peak


def _private_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def routes() -> list[web.RouteDef]:
    async def feed(request: web.Request) -> web.Response:
        return web.Response(text=FEED, content_type="application/rss+xml")

    return [web.get("/feed", feed)]
