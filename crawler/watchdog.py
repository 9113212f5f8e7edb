"""A bound on the CPU that parsing one page may take, for whatever the bounds on its size let through.

The kernel counts the process's own CPU seconds (ITIMER_VIRTUAL) and its signal raises in the main thread,
between two steps of Python: a single long step in C ends first. It raises again and again, for Python drops
what is raised in a destructor or in a callback from C. A machine that is merely busy costs nothing.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from crawler.errors import ParseTimedOut

#: CPU seconds until it is raised once more.
AGAIN_S = 0.25


@contextmanager
def cpu_bound(seconds: float) -> Iterator[None]:
    """Raise `ParseTimedOut` in the block when it has used so much CPU; call it in the main thread."""
    watching = True

    def over(*_: object) -> None:
        if watching:
            raise ParseTimedOut(f"Parsing the page took more than {seconds:g} s of CPU, so it was given up.")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        watching = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
