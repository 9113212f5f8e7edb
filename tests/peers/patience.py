"""How long tests wait for things that should happen at once, and how they wait for processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any

#: Maximum wait for something that happens at once on an idle machine. The machine may be busy.
PATIENCE_S = 60.0


def ready_in_time(
    ready: Callable[[], bool],
    processes: Iterable[subprocess.Popen[Any]],
    *,
    timeout_s: float,
    poll_s: float = 0.05,
) -> bool:
    """Wait until `ready` returns true. Return False if a process ends before that, or after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            return False
        time.sleep(poll_s)
    return True
