"""Legal clocks: until when somebody has to be notified, counted from what people wrote in a finding.

The clocks are data, legal_clocks.toml. They are not legal advice. A clock stops when the words of a
notification name its slug; a false positive has none.
"""

from __future__ import annotations

import re
import tomllib
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

CERTAIN, ACKNOWLEDGED = "certain", "acknowledged"


class LegalClock(BaseModel):
    """`start`: CERTAIN, ACKNOWLEDGED, or the slug of the clock whose notification starts it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: str
    law: str
    whom: Mapping[str, str]
    start: str
    hours: int | None = None
    months: int | None = None
    citation: str
    reviewed: date
    checked: str

    def due_at(self, started_at: datetime) -> datetime:
        if self.months is None:
            return started_at + timedelta(hours=self.hours or 0)
        year, month = divmod(started_at.year * 12 + started_at.month - 1 + self.months, 12)
        day = min(started_at.day, monthrange(year, month + 1)[1])
        return started_at.replace(year=year, month=month + 1, day=day)


@cache
def legal_clocks() -> Mapping[str, LegalClock]:
    """Return the clocks by slug, each behind the clock that starts it."""
    text = (files("alerts") / "legal_clocks.toml").read_text(encoding="utf-8")
    return {slug: LegalClock(slug=slug, **fields) for slug, fields in tomllib.loads(text).items()}


@dataclass(frozen=True, slots=True)
class ClockEvents:
    """What people wrote in a finding; `notified` has when and whom."""

    acknowledged_at: datetime | None = None
    certain_at: datetime | None = None
    notified: Sequence[tuple[datetime, str]] = ()


@dataclass(frozen=True, slots=True)
class RunningClock:
    """`stopped_at`: when the notification was made; None: it runs."""

    clock: LegalClock
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None

    @property
    def late(self) -> bool:
        """Whether the notification that stopped it came too late."""
        return self.stopped_at is not None and self.stopped_at > self.due_at


def running_clocks(events: ClockEvents, slugs: Collection[str]) -> Sequence[RunningClock]:
    """Return the clocks that have started: those that run first, the next one to end first.

    Whoever is certain is aware, too, so certainty starts the clocks of ACKNOWLEDGED if it was earlier.
    """
    aware = min((at for at in (events.acknowledged_at, events.certain_at) if at is not None), default=None)
    starts: dict[str, datetime | None] = {CERTAIN: events.certain_at, ACKNOWLEDGED: aware}
    found = []
    for slug, clock in legal_clocks().items():
        stopped = min((at for at, whom in events.notified if _names(whom, slug)), default=None)
        starts[slug] = stopped
        started = starts.get(clock.start)
        if started is not None and slug in slugs:
            found.append(RunningClock(clock, started, clock.due_at(started), stopped))
    return sorted(found, key=lambda each: (each.stopped_at is not None, each.due_at))


def _names(words: str, slug: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(slug)}(?![\w-])", words, re.IGNORECASE) is not None
