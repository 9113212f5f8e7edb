"""The slots of a source: the moments at which it is due.

Slots and their jitter follow from the source's name and schedule alone, so that every process and every
restart finds the same ones.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from pydantic import ValidationError

from crawler.errors import ScheduleRefused
from crawler.sources import SourceDefinition, read_stored
from crawler.sources.quiet_hours import QuietHours
from crawler.sources.visit_settings import Schedule
from storage.sources import Source

#: Interval of a source whose file gives no schedule.
DEFAULT_EVERY = timedelta(minutes=15)
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SourceSlots(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no annotations
    """The slots of one source, as a trigger of APScheduler."""

    def __init__(
        self, name: str, schedule: Schedule, timezone: str | None = None, *, quiet: QuietHours | None = None
    ) -> None:
        self._name = name
        self._quiet = quiet or QuietHours(())
        self._jitter = schedule.jitter
        self._every = schedule.every or DEFAULT_EVERY
        self._cron = CronTrigger.from_crontab(schedule.cron, timezone or UTC) if schedule.cron else None
        # So that sources with the same interval do not all start at once.
        self._phase = self._every * _stable_fraction(name)

    def after(self, moment: datetime) -> datetime | None:
        """Return the first slot later than `moment`; None if a cron line names a day that never comes.

        All slots within the same quiet hours count as one, at their end.
        """
        now = self._quiet.around(moment)
        slot = self._due_after(moment if now is None else now[0] - _TICK)
        if slot is None or (then := self._quiet.around(slot)) is None:
            return slot
        return then[1]

    def _due_after(self, moment: datetime) -> datetime | None:
        """Return the first slot later than `moment`, ignoring quiet hours.

        A slot whose time without jitter has passed may still be to come: so the search begins earlier.
        """
        if not self._jitter:
            return self._next_due(moment)
        first: datetime | None = None
        due = self._next_due(moment - self._jitter)
        while due is not None and (first is None or due < first):
            slot = due + self._jitter * _stable_fraction(f"{self._name} {due.isoformat()}")
            if slot > moment and (first is None or slot < first):
                first = slot
            due = self._next_due(due)
        return first

    def is_quiet(self, moment: datetime) -> bool:
        """Return whether `moment` is within the quiet hours."""
        return self._quiet.around(moment) is not None

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        return self.after(max(previous, now) if previous else now)

    def _next_due(self, moment: datetime) -> datetime | None:
        """Return the first time later than `moment`, without jitter."""
        return self._next_cron(moment) if self._cron else self._next_interval(moment)

    def _next_interval(self, moment: datetime) -> datetime:
        passed = math.floor((moment - _EPOCH - self._phase) / self._every)
        return _EPOCH + self._phase + (passed + 1) * self._every

    def _next_cron(self, moment: datetime) -> datetime | None:
        assert self._cron is not None
        due: datetime | None = self._cron.get_next_fire_time(None, moment + _TICK)
        return due and due.astimezone(UTC)


def _stable_fraction(text: str) -> float:
    """Return a number in [0, 1) that looks random and is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48


def slots_of(source: Source) -> SourceSlots:
    """Return a source's slots; raises `ScheduleRefused` for a definition that another version wrote."""
    try:
        definition: SourceDefinition = read_stored(source.definition)
        quiet = QuietHours(definition.politeness.quiet, timezone=definition.timezone)
        return SourceSlots(source.name, definition.schedule, definition.timezone, quiet=quiet)
    except (ValidationError, ValueError) as error:
        raise ScheduleRefused(
            f"The schedule of {source.name} could not be read from the database, so the source is not run. "
            "Sync its file again."
        ) from error
