"""Everything that a demo consists of but its view: sites, receivers, configuration, the daemon as a child.

The fault tests and the benchmark direct the same stage.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Self

from configuration.settings import environment_without_settings
from demo import credentials, lenders, scene
from demo.child import Child
from demo.postings import STEP, Step
from demo.receipts import Receipt, Receipts
from demo.story import step_of
from demo.workspace import Workspace
from storage.database.base import Database

STOP_WITHIN_S = 20.0


class DaemonProcess:
    """`spillwatch run` as a child process, in a session of its own: Ctrl-C reaches it through us alone."""

    def __init__(self, workspace: Workspace) -> None:
        self.log = workspace.folder / "daemon.log"
        command = [sys.executable, "-m", "cli.main", "--config", str(workspace.configuration), "run"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "demo.leash", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=workspace.folder,
                env=environment_without_settings(),
                start_new_session=True,
            )

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Stage:
    """Opens with its `with` block and leaves nothing running; the folder is the caller's."""

    def __init__(self, folder: Path, *, every: str, database_url: str | None = None) -> None:
        """`every`: between two runs of a source. Without a `database_url` the rows are in the folder too."""
        self.workspace = Workspace(folder)
        self.receipts = Receipts()
        self._every = every
        self._database_url = database_url or f"sqlite:///{folder.absolute()}/var/spillwatch.db"
        self._open = ExitStack()
        self.played = 0

    def __enter__(self) -> Self:
        folder = self.workspace.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opening:
            credentials.make(folder / "secrets")
            self._sites = opening.enter_context(Child("demo.sites", log=folder / "sites.log"))
            receivers = Child("demo.receivers", str(folder), log=folder / "receivers.log")
            self._receivers = opening.enter_context(receivers)
            addresses = {**self._sites.ready(), **self._receivers.ready()}
            self.site: str = addresses["market"]
            self.workspace.write({**addresses, "every": self._every, "database_url": self._database_url})
            lenders.enrol(self.workspace)
            self.database = Database.open(self._database_url)
            opening.callback(self.database.close)
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
        """Plays the next step of the story; what a person watching is told."""
        self.played += 1
        self.put(step_of(self.played))
        return step_of(self.played).says

    def put(self, step: Step) -> None:
        """Plays any step; it is on the sites when this returns."""
        self._sites.tell(STEP.dump_json(step).decode())
        self._sites.events.get(timeout=STOP_WITHIN_S)

    def settled(self) -> bool:
        """Whether the daemon has taken in everything so far, and has nothing left to do about it."""
        return scene.taken_in(self.database, self._steps()) and not scene.pending(self.database)

    def ready(self) -> bool:
        """Whether the next step may be played: its sites are read, and the last step is over."""
        next_step, steps = step_of(self.played + 1), self._steps()
        concerned = next_step.sections | (steps[-1].sections if self.played else set())
        return scene.taken_in(self.database, steps, concerned) and not scene.pending(self.database)

    def _steps(self) -> list[Step]:
        return [step_of(number) for number in range(self.played + 1)]

    def received(self, *, timeout_s: float) -> list[Receipt]:
        """What has arrived since the last call; waits up to `timeout_s` for the first."""
        arrived: list[Receipt] = []
        deadline = time.monotonic() + timeout_s
        while not arrived:
            try:
                event = self._receivers.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                break
            arrived.append(self.receipts.take(event))
        return arrived
