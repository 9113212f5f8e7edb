"""The legal clocks of findings, as their pages and the calendar show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from alerts.clocks import ClockEvents, RunningClock, running_clocks
from storage.visible.clocks import clock_times
from storage.visible.visibility import Visibility


def clocks_of(
    session: Session, view: Visibility, ids: Collection[int], slugs: Collection[str]
) -> Mapping[int, Sequence[RunningClock]]:
    """Return the clocks of findings by id. `slugs`: the clocks that the installation counts."""
    return {
        alert_id: running_clocks(
            ClockEvents(times.acknowledged_at, times.certain_at, tuple(times.notified)), slugs
        )
        for alert_id, times in clock_times(session, view, ids).items()
    }


def next_clock(
    session: Session, view: Visibility, ids: Collection[int], slugs: Collection[str]
) -> Mapping[int, RunningClock]:
    """Return the clock of each finding that ends next, or that ended without a notification."""
    found = clocks_of(session, view, ids, slugs)
    return {
        alert_id: clocks[0] for alert_id, clocks in found.items() if clocks and clocks[0].stopped_at is None
    }
