"""The clock of the work: on PostgreSQL that of the database, so that all nodes have the same time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

#: Counts while the machine sleeps, where there is such a clock: a lease runs out meanwhile.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

#: A time of the database, and `elapsed_s` at that moment. All processes of a machine may use it.
ClockAnchor = tuple[datetime, float]


def elapsed_s() -> float:
    """Return the seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class SharedClock:
    """Between two measurements it goes on by a clock that nobody sets. Before the first one, and on SQLite,
    it is the machine's.
    """

    def __init__(self, local: Callable[[], datetime], *, anchor: ClockAnchor | None = None) -> None:
        self._local = local
        self.anchor = anchor

    def __call__(self) -> datetime:
        anchor = self.anchor
        return self._local() if anchor is None else anchor[0] + timedelta(seconds=elapsed_s() - anchor[1])

    def offset_s(self) -> float:
        """Return by how many seconds the machine's clock is behind this one."""
        return (self() - self._local()).total_seconds()

    def measure(self, session: Session) -> datetime:
        """Ask the database for its time and return it."""
        if session.get_bind().dialect.name != "postgresql":
            return self._local()
        asked = elapsed_s()
        told = session.scalar(select(func.clock_timestamp()))
        assert isinstance(told, datetime)
        self.anchor = (told, (asked + elapsed_s()) / 2)
        return told
