"""The console as a child process of the daemon: what strangers send to it cannot slow or stop the daemon."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import structlog

from daemon.errors import ConsoleExtraMissing
from daemon.metrics import CONSOLE_STARTS

EXTRA_LIBRARY = "fastapi"
MISSING = (
    f"The console needs {EXTRA_LIBRARY} and other libraries, which are not installed. "
    "Install the extra: pip install 'spillwatch[web]'."
)
STOP_S = 5.0
#: Seconds before the next start after a console ended by itself; the last one is repeated.
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
STARTED_S = 20.0  # after which a console that did not end is well
#: A console that lived for as long ended for another reason than the one before it.
LIVED_S = 300.0

log = structlog.get_logger()


def console_command(configuration: Path) -> Sequence[str]:
    return (sys.executable, "-m", "cli.main", "--config", str(configuration), "web", "--of-daemon")


class ConsoleProcess:
    """Keeps one console running, and starts another one when it ends. `start` raises ConsoleExtraMissing."""

    def __init__(self, command: Sequence[str], *, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._command = tuple(command)
        self._pauses_s = tuple(pauses_s)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._replacing = False
        self._began = time.monotonic()
        self._ended: int | None = None  # exit code of the last console that ended by itself
        self._thread = threading.Thread(target=self._keep, name="console", daemon=True)

    def start(self) -> None:
        if find_spec(EXTRA_LIBRARY) is None:
            raise ConsoleExtraMissing(MISSING)
        self._thread.start()

    def replace(self) -> None:
        """Start it anew, with the configuration as it is now."""
        with self._lock:
            self._replacing = True
            self._signal(signal.SIGTERM)

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            self._signal(signal.SIGTERM)
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        with self._lock:
            self._signal(signal.SIGKILL)

    def problem(self) -> str | None:
        """Return what is wrong; None: it runs, or is being started."""
        ended = self._ended
        if ended is None or time.monotonic() - self._began >= STARTED_S:
            return None
        return f"the console ended with code {ended}, and is started again"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _keep(self) -> None:
        """Start a console and wait for its end, again and again. The kernel ends it with this thread."""
        failures = 0
        while not self._stopping.is_set():
            code = self._run()
            if self._stopping.is_set():
                return
            if self._replacing:
                self._replacing, failures = False, 0
                continue
            failures = 0 if time.monotonic() - self._began >= LIVED_S else failures
            self._ended = code
            log.error(
                "The console ended by itself, and is started again.",
                action="console_ended",
                exit_code=code,
            )
            self._stopping.wait(self._pauses_s[min(failures, len(self._pauses_s) - 1)])
            failures += 1

    def _run(self) -> int:
        CONSOLE_STARTS.inc()
        with self._lock:
            if self._stopping.is_set():
                return 0
            self._began = time.monotonic()
            self._process = subprocess.Popen(  # noqa: S603  (our own command line)
                self._command, stdin=subprocess.DEVNULL, start_new_session=True
            )
        return self._process.wait()
