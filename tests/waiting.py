"""How tests wait: for an event, with a bound. They never sleep for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds within which an event must happen that usually takes a fraction of one: a busy machine may be slow.
PATIENCE_S = 60.0
POLL_S = 0.02


def wait_until(happened: Callable[[], bool], what: str = "it", *, patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail after `patience_s` seconds, naming `what` was waited for."""
    assert happens(happened, within_s=patience_s), f"{what} did not happen within {patience_s:g} s"


def happens(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> bool:
    """Wait until the condition holds, at most `within_s` seconds. Return whether it holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
