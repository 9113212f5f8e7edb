"""A limit on the CPU time for parsing one page, for pages that are expensive although their size is allowed.

The kernel counts the process's own CPU seconds (ITIMER_VIRTUAL), and its signal raises in the main thread
between two steps of Python: a single long step in C ends first. The signal is repeated, because Python drops
an exception that is raised in a destructor or in a callback from C. A busy machine does not shorten the
limit.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from crawler.errors import ParseTimedOut

#: CPU seconds until the signal is repeated.
REPEAT_S = 0.25


@contextmanager
def cpu_bound(seconds: float) -> Iterator[None]:
    """Raise `ParseTimedOut` in the block once it has used so many CPU seconds; only in the main thread."""
    watching = True

    def raise_timeout(*_: object) -> None:
        if watching:
            raise ParseTimedOut(
                f"Parsing the page took more than {seconds:g} s of CPU time (parse_cpu_s), so it was stopped."
            )

    before = signal.signal(signal.SIGVTALRM, raise_timeout)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, REPEAT_S)
    try:
        yield
    finally:
        watching = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
