"""The console with 1 million listings and 100,000 findings, on both databases: pages, changes, open consoles.

Times are milliseconds of the server for one request, from its first byte to the last one of the answer, over
loopback; 200 requests of each kind, one after the other. Open consoles hold the stream of live updates, while
nothing changes and while a finding changes each second; their cost is CPU of the console's process.
SPILLWATCH_BENCH_LISTINGS sets another number of listings, of which each tenth has a finding,
SPILLWATCH_BENCH_DATABASES one of the databases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import text

from benchmarks.measure import report
from benchmarks.scale import SERVER
from benchmarks.scale_rows import fill
from benchmarks.storage import empty_database, postgresql_url
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.web.running import form_token, running_console
from web.access.signed_in import COOKIE

LISTINGS = int(os.environ.get("SPILLWATCH_BENCH_LISTINGS", 1_000_000))
DATABASES = os.environ.get("SPILLWATCH_BENCH_DATABASES", "sqlite,postgresql").split(",")
REQUESTS = 200
CONSOLES = 50
WATCHED_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGES = (
    "/",
    "/?owner=all&state=all",
    "/?owner=all&q=quillmere",
    "/findings/R{finding}",
    "/listings",
    "/listings?q=k77",
    "/listings?q=fresh&life=edited",
    "/listings?company=company-00",
    "/listings/{listing}",
    "/sources",
    "/sources/source-00005",
    "/companies",
    "/deliveries",
    "/statistics",
    "/mutes",
    "/audit",
    "/settings",
    "/api/v1/findings",
)


def main() -> None:
    for dialect in DATABASES:
        with _filled(dialect) as url, _console(url) as (address, tokens):
            client = _client(address, tokens[0])
            rows = [_measure(client, page) for page in PAGES]
            rows.append(_measure_changes(client))
            report((dialect, "median ms", "p99 ms", "KB"), rows)
            print(flush=True)


@contextmanager
def _filled(dialect: str) -> Iterator[str]:
    with ExitStack() as stack:
        if dialect == "postgresql":
            url = stack.enter_context(postgresql_url(SERVER))
        else:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="spillwatch-bench-", dir=Path.cwd())
            )
            url = f"sqlite:///{Path(folder) / 'bench.db'}"
        with empty_database(url) as database:
            fill(database, LISTINGS, matched=10, alerted=10)
            yield url


@contextmanager
def _console(url: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Serve the console in a process of its own; give its address and the tokens of its people."""
    command = [sys.executable, "-m", "benchmarks.console", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        address, tokens = json.loads(process.stdout.readline())
        try:
            yield address, tokens
            _open_consoles(process.pid, url, address, tokens)
        finally:
            process.stdin.close()


def _serve(url: str) -> None:
    database = Database.open(url)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_console(database, EvidenceStore(Path(folder)), lambda: datetime.now(UTC)) as console,
    ):
        tokens = [console.add_person(f"person{number}") for number in range(CONSOLES)]
        print(json.dumps([console.url, tokens]), flush=True)
        sys.stdin.read()


def _client(address: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=address, cookies={COOKIE: token}, timeout=60, trust_env=False)


def _measure(client: httpx.Client, page: str) -> tuple[str, float, float, float]:
    """Return the page, median and 99th percentile in milliseconds, and its size in KB."""
    times, size = [], 0
    for number in range(REQUESTS):
        listing = LISTINGS - 10 * number - 10
        began = time.perf_counter()
        answer = client.get(page.format(finding=listing, listing=listing))
        times.append(1000 * (time.perf_counter() - began))
        size = max(size, len(answer.content))
        if answer.status_code != 200:
            return f"{page} ({answer.status_code})", 0, 0, 0
    return page, *_middle_and_last(times), size / 1000


def _middle_and_last(times: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]


def _measure_changes(client: httpx.Client) -> tuple[str, float, float, float]:
    """Acknowledge findings one after the other by the form of their page; the page itself is not counted."""
    times = []
    for number in range(REQUESTS):
        finding = f"/findings/R{LISTINGS - 10 * number - 10}"
        page = client.get(finding)
        stamp = page.text.partition('name="stamp" value="')[2].partition('"')[0]
        form = {"csrf": form_token(page), "stamp": stamp, "state": "investigating", "reason": "measured"}
        began = time.perf_counter()
        answer = client.post(f"{finding}/state", data=form)
        times.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 303:
            return f"a change of state ({answer.status_code})", 0, 0, 0
    return "a change of state", *_middle_and_last(times), 0


def _open_consoles(pid: int, url: str, address: str, tokens: Sequence[str]) -> None:
    for token in tokens:
        threading.Thread(target=_listen, args=(_client(address, token),), daemon=True).start()
    time.sleep(5)
    database = Database.open(url)
    rows = []
    for name, every_s in (("nothing changes", None), ("a change each second", 1.0)):
        before, began = _cpu(pid), time.monotonic()
        while time.monotonic() - began < WATCHED_S:
            if every_s is not None:
                _touch(database)
            time.sleep(every_s or 1.0)
        share = (_cpu(pid) - before) / (time.monotonic() - began)
        rows.append((f"{len(tokens)} open consoles, {name}", f"{100 * share:.1f}% of a core"))
    database.close()
    report(("live updates", "CPU"), rows)


def _listen(client: httpx.Client) -> None:
    with suppress(httpx.HTTPError), client.stream("GET", "/live?owner=all") as stream:
        for _ in stream.iter_lines():
            pass


def _touch(database: Database) -> None:
    """Change a finding as another person would."""
    with database.transaction() as session:
        newest = "(SELECT max(id) FROM alerts)"
        session.execute(
            text(f"UPDATE alerts SET updated_at = :now WHERE id = {newest}"), {"now": _now(database)}
        )


def _now(database: Database) -> datetime:
    now = datetime.now(UTC)
    return now if database.dialect == "postgresql" else now.replace(tzinfo=None)


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    _serve(sys.argv[1])
