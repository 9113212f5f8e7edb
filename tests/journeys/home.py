"""What the journeys share: a configuration with a company and two channels, and a running daemon."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import text

from storage.database.base import Database
from storage.errors import StorageError
from tests.cli.command import SPILLWATCH, answer, environment
from tests.cli.warm_start import ForkedCommand
from tests.processes import children_of, is_stopped
from tests.waiting import wait_until

SECRET = "whsec_" + "aW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQ="
WAIT_S = 60.0
#: For tests whose subject is a signal, a file or a message and not what the database does.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
#: For a test that looks for the URL of a server.
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

SOURCE = """
kind = "html"
start = "{start}"
currency = "USD"
timezone = "UTC"
allow_private_addresses = ["127.0.0.1"]
[schedule]
every = "{every}"
[politeness]
delay_s = 0
[list]
rows = "tr.row"
link = "a"
next = "a[rel=next]"
[row]
title = "a"
price = "td.price"
[item]
title = "h1"
body = "div.description"
seller = "span.seller"
attachments = "a.attachment"
"""

COMPANY = """
name = "Invented Lender"
[[terms]]
text = "inventedlender"
kind = "brand"
owner = "Fraud team"
reason = "Our brand"
"""

CHANNELS = """
[alerts.retry]
base_s = 0.2
max_s = 1
[alerts.channels.soc-mail]
transport = "email"
host = "127.0.0.1"
port = {smtp}
security = "none"
from = "watch@lender.example"
to = ["soc@lender.example"]
[alerts.channels.siem]
transport = "webhook"
url = "{webhook}"
secrets = ["{secret}"]
allow_private_addresses = ["localhost", "127.0.0.1"]
"""

DAEMON = (
    '[daemon]\nhealth_address = "127.0.0.1:0"\n[crawler]\nautothrottle = false\nrequest_timeout_s = 300\n'
)


@dataclass(frozen=True)
class Home:
    """A folder with a configuration."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def source(self, name: str, start: str, *, every: str = "1d") -> None:
        self.write(f"sources/{name}.toml", SOURCE.format(start=start, every=every))

    def ask(self, *arguments: str, code: int = 0) -> Any:
        """Return the JSON of a command."""
        return answer(self.folder, *arguments, code=code, extra=self.settings)


def home_in(folder: Path, *, smtp: int, webhook: str, database_url: str | None = None) -> Home:
    """Write a configuration with a company and both channels. Each test adds its sources."""
    settings = {"SPILLWATCH_STORAGE__DATABASE_URL": database_url} if database_url else {}
    home = Home(folder, settings)
    home.write("spillwatch.toml", DAEMON + CHANNELS.format(smtp=smtp, webhook=webhook, secret=SECRET))
    home.write("companies/invented-lender.toml", COMPANY)
    return home


class RunningDaemon:
    """`spillwatch run` in a process of its own, forked or new. `lines` has every log line read so far."""

    def __init__(self, home: Home, *, forked: bool) -> None:
        self.lines: list[dict[str, Any]] = []
        self._heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        folder, variables = home.folder, environment(home.settings)
        self.process: ForkedCommand | subprocess.Popen[str]
        if forked:
            self.process = ForkedCommand(["run"], folder=folder, environment=variables)
        else:
            self.process = subprocess.Popen(
                [SPILLWATCH, "run"],
                cwd=folder,
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self.process.stderr
        threading.Thread(target=self._listen, args=(self.process.stderr,), daemon=True).start()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                self._heard.put(json.loads(line))
            except ValueError:
                self._heard.put({"action": "not_json", "event": line})
        self._heard.put(None)

    def wait_for(self, action: str, **fields: object) -> dict[str, Any]:
        """Return the next log line with this action and these fields."""
        until = time.monotonic() + WAIT_S
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._heard.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            self.lines.append(line)
            if line.get("action") == action and all(line.get(key) == value for key, value in fields.items()):
                return line
        raise AssertionError(f"no line with {action} {fields}; found {self.lines}")

    def heard(self) -> list[dict[str, Any]]:
        """Return every log line so far."""
        with suppress(queue.Empty):
            while (line := self._heard.get_nowait()) is not None:
                self.lines.append(line)
        return self.lines

    def freeze(self, database_url: str) -> None:
        """Suspend the process, but not within a transaction, because it would keep the locks."""
        with closing(Database.open(database_url, busy_timeout_s=0.1)) as database:

            def stands_free() -> bool:
                self.process.send_signal(signal.SIGSTOP)
                # A thread that has not stopped yet may begin a transaction.
                wait_until(lambda: is_stopped(self.process.pid), "the end of its last thread's turn")
                if free := _free(database):
                    return free
                self.process.send_signal(signal.SIGCONT)
                return False

            wait_until(stands_free, "a moment in which the daemon holds no lock")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and return the seconds until the process ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=WAIT_S)
        return time.monotonic() - started

    def children(self) -> list[int]:
        """Return the process ids of its living children and of theirs: the warm process, and the runs."""
        every = children_of(self.process.pid)
        return [*every, *(run for child in every for run in children_of(child))]

    def runs(self) -> list[int]:
        """Return the process ids of the runs that the warm process has forked and that are alive."""
        every = [run for child in children_of(self.process.pid) for run in children_of(child)]
        return [pid for pid in every if alive(pid)]

    def warm_process(self) -> int:
        """Return the process id of the warm process, which is the daemon's only child."""
        [child] = children_of(self.process.pid)
        return child


def _free(database: Database) -> bool:
    """Return whether no other connection is in a transaction."""
    others = "SELECT 1"
    if database.dialect == "postgresql":
        others = "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        others += " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL)"
    try:
        with database.transaction() as session:
            return bool(session.scalar(text(others)))
    except StorageError:
        return False


@contextmanager
def running(home: Home, *, forked: bool = True) -> Iterator[RunningDaemon]:
    """Run a daemon that has started. It is killed at the end if it still runs.

    Not `forked`: by the installed command, as an operator starts it, which takes 1.5 s of CPU more.
    """
    daemon = RunningDaemon(home, forked=forked)
    try:
        daemon.wait_for("started")
        yield daemon
    except BaseException as error:
        error.add_note("The daemon's log:\n" + "\n".join(map(str, daemon.heard())))
        raise
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(timeout=WAIT_S)


def alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
