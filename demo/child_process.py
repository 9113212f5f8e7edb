"""A process of the demo, from the side of the one that starts it: lines in, JSON lines out."""

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
    """`python -m MODULE ARGS...`; every line it prints arrives on `events`. Ends with its `with` block."""

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
        """What the child says when it is ready."""
        deadline = time.monotonic() + READY_WITHIN_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                event: Event = self.events.get(timeout=0.1)["ready"]
            except Empty:
                continue
            return event
        raise RuntimeError(f"a process of the demo did not start; its messages are in {self._log}")

    def send_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """Closes its input, which ends it; kills it if that takes too long."""
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
