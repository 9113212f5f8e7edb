"""The demo without its view: practice sites, receivers, configuration and the daemon's process.

The fault tests and a benchmark use it too.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Self

from configuration.settings import environment_without_settings
from demo import credentials, database_snapshot, lenders
from demo.child_process import ChildProcess
from demo.console_link import free_port, invite_reader
from demo.delivery_receipts import Receipt, Receipts
from demo.postings import STEP, SiteSection, Step
from demo.story import step_of
from demo.workspace import Workspace
from storage.database.base import Database

STOP_WITHIN_S = 20.0


class DaemonProcess:
    """`spillwatch run` as a child process with its own session, so that Ctrl-C does not reach it directly."""

    def __init__(self, workspace: Workspace) -> None:
        self.log = workspace.folder / "daemon.log"
        command = [sys.executable, "-m", "cli.main", "--config", str(workspace.configuration), "run"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "demo.parent_death_signal", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=workspace.folder,
                env=environment_without_settings(),
                start_new_session=True,
            )

    def stop(self) -> int:
        """Send SIGTERM, kill the process if it takes too long, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Stage:
    """Starts everything in its `with` block and leaves nothing running. The caller removes the folder."""

    def __init__(
        self, folder: Path, *, every: str, database_url: str | None = None, console: bool = False
    ) -> None:
        """`every` is the interval of the sources' schedule. Default database: SQLite in the folder.

        `console`: the daemon serves one, and `console_link` lets its reader in.
        """
        self.workspace = Workspace(folder)
        self.receipts = Receipts()
        self._every = every
        self._database_url = database_url or f"sqlite:///{folder.absolute()}/var/spillwatch.db"
        self._console = f"127.0.0.1:{free_port()}" if console else ""
        self.console_link: str | None = None
        self._open = ExitStack()
        self.played = 0

    def __enter__(self) -> Self:
        folder = self.workspace.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opening:
            credentials.make_credentials(folder / "secrets")
            self._sites = opening.enter_context(ChildProcess("demo.sites", log=folder / "sites.log"))
            receivers = ChildProcess("demo.receivers", str(folder), log=folder / "receivers.log")
            self._receivers = opening.enter_context(receivers)
            addresses = {**self._sites.wait_until_ready(), **self._receivers.wait_until_ready()}
            self.site: str = addresses["market"]
            settings = {"every": self._every, "database_url": self._database_url, "console": self._console}
            self.workspace.write({**addresses, **settings})
            lenders.enrol_lenders(self.workspace)
            self.database = Database.open(self._database_url)
            opening.callback(self.database.close)
            if self._console:
                self.console_link = invite_reader(self.database, self._console)
            self.put(step_of(0))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def daemon(self) -> DaemonProcess:
        return DaemonProcess(self.workspace)

    def play(self) -> str:
        """Play the next step of the story. Return its description."""
        self.played += 1
        self.put(step_of(self.played))
        return step_of(self.played).description

    def put(self, step: Step) -> None:
        """Play a step. It is on the sites when this returns."""
        self._sites.send_line(STEP.dump_json(step).decode())
        self._sites.events.get(timeout=STOP_WITHIN_S)

    def unfinished(self) -> Sequence[str]:
        """Return what the daemon has not processed of the steps so far: postings and pending work."""
        return self._unfinished(tuple(SiteSection))

    def ready(self) -> bool:
        """Return whether the next step can be played: its sites are read, and the last step is processed."""
        last = step_of(self.played).sections if self.played else set()
        return not self._unfinished(step_of(self.played + 1).sections | last)

    def _unfinished(self, sections: Collection[SiteSection]) -> Sequence[str]:
        steps = [step_of(number) for number in range(self.played + 1)]
        missing = database_snapshot.postings_not_stored(self.database, steps, sections)
        pending = database_snapshot.pending_work(self.database)
        return [*missing, *(f"{count} {kind}" for kind, count in pending.items())]

    def received(self, *, timeout_s: float) -> list[Receipt]:
        """Return the receipts since the last call. Waits up to `timeout_s` for the first one."""
        arrived: list[Receipt] = []
        deadline = time.monotonic() + timeout_s
        while not arrived:
            try:
                event = self._receivers.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                break
            arrived.append(self.receipts.add(event))
        return arrived
