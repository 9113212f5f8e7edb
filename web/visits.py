"""When a person was last at the first screen. A visit ends when nothing was asked for PAUSE long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

VISITS = "visits"  # the preference
PAUSE = timedelta(minutes=30)
AGAIN = timedelta(minutes=1)  # between two writes of the same visit


@dataclass(frozen=True, slots=True)
class LastVisit:
    """`before`: when the visit before this one ended; None: this is the first one."""

    before: datetime | None
    last: datetime | None

    @classmethod
    def of(cls, preferences: Mapping[str, Any]) -> LastVisit:
        held = preferences.get(VISITS)
        told = held if isinstance(held, dict) else {}
        return cls(_time(told.get("before")), _time(told.get("last")))

    def at(self, now: datetime) -> LastVisit:
        """Return the visit that a request at this time belongs to."""
        if self.last is None:
            return LastVisit(None, now)
        return LastVisit(self.last if now - self.last > PAUSE else self.before, now)

    def is_due(self, now: datetime) -> bool:
        """Whether a request at this time has to be written down."""
        return self.last is None or now - self.last >= AGAIN

    @property
    def preference(self) -> dict[str, str | None]:
        return {
            "before": None if self.before is None else self.before.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
        }


def seen_all(now: datetime) -> LastVisit:
    """Return the visit of a person who says that everything up to now is known."""
    return LastVisit(now, now)


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None else found
