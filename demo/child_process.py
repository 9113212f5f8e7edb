"""A child process of the demo, controlled by lines on its standard input. It answers with JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0

Event = Mapping[str, Any]


class ChildProcess:
    """Runs `python -m MODULE ARGS...` until its `with` block ends. `events` receives every line it prints."""

    def __init__(self, module: str, *args: str, log: Path) -> None:
        self.events: Queue[Event] = Queue()
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
                [sys.executable, "-m", module, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._reader = threading.Thread(target=self._read_events, name=module, daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> Event:
        """Wait for the child's "ready" event and return its content."""
        deadline = time.monotonic() + READY_WITHIN_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                event: Event = self.events.get(timeout=0.1)["ready"]
            except Empty:
                continue
            return event
        raise RuntimeError(f"A process of the demo did not start. Its messages are in {self._log}.")

    def send_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """Close the child's input, which ends it. Kill it if that takes longer than STOP_WITHIN_S."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(STOP_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(json.loads(line))
