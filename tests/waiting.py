"""How tests wait: for an event, with a bound. They never sleep for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds within which an event must happen that usually takes a fraction of one: a busy machine may be slow.
PATIENCE_S = 60.0
POLL_S = 0.02


def wait_until(happened: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen within {patience_s:g} s"
        time.sleep(POLL_S)
