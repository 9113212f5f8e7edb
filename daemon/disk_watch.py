"""Watches the disks of this machine: warns before one is full, and holds new work back below the floor.

Each daemon watches its own machine, because only it can see its disks.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from alerts.service import AlertService
from daemon.engine import Lane
from daemon.metrics import DISK_FREE, HELD_BACK
from storage.database.base import Database
from storage.disk_space import (
    DailyGrowth,
    DataPlace,
    DiskFloor,
    DiskForecast,
    daily_growth,
    forecasts,
)
from storage.errors import StorageError
from storage.work import Handler, WorkKind, WorkResult

#: Work that stores what it reads or finds. All other work goes on.
NEEDING_ROOM = frozenset({WorkKind.RUN, WorkKind.MATCH, WorkKind.REMATCH, WorkKind.UNIT})
LOOK_S = 60.0  # between two looks at the disks
GROWTH_S = 3600.0  # between two computations of how fast they fill

log = structlog.get_logger()


@dataclass(slots=True)
class DiskWatch:
    """The floor of this machine's disks, and the alert about it."""

    database: Database
    floor: DiskFloor
    warn_days: int
    clock: Callable[[], datetime]
    machine: str = field(default_factory=lambda: socket.gethostname() or "this machine")
    _growth: DailyGrowth | None = None
    _growth_at: float | None = None
    _looked_at: float | None = None
    _was_short: bool = False

    @property
    def places(self) -> tuple[DataPlace, ...]:
        return self.floor.places

    def check(self) -> str:
        """Return "ok", or which disk is below the floor."""
        return self.floor.problem() or "ok"

    def held_back(self, lane: Lane) -> Lane:
        """Return a lane that leaves its rows waiting while there is no room, if its work needs any."""
        if lane.kind not in NEEDING_ROOM:
            return lane
        return replace(lane, handler=self._when_room(lane.kind, lane.handler))

    def _when_room(self, kind: WorkKind, handler: Handler) -> Handler:

        def handle(row_id: int) -> WorkResult | None:
            if self.floor.problem() is not None:
                HELD_BACK.labels(kind).inc()
                return WorkResult.WAITED
            return handler(row_id)

        return handle

    def look(self, judging: AlertService) -> None:
        """Look at the disks once a minute, or when the floor is crossed, and have the alert written."""
        is_short = self.floor.problem() is not None
        now = time.monotonic()
        crossed = is_short != self._was_short
        if not crossed and self._looked_at is not None and now - self._looked_at < LOOK_S:
            return
        try:
            disks = self._forecasts(now)
            for disk in disks:
                for what in disk.what:
                    DISK_FREE.labels(what).set(disk.free)
            judging.evaluate_disks(self.machine, disks, warn_days=self.warn_days, is_short=is_short)
        except (StorageError, OSError) as error:
            # The checks of database and evidence say what is wrong. The next look tries again.
            log.debug("The disks could not be looked at.", action="disk_unread", reason=str(error))
            return
        self._looked_at, self._was_short = now, is_short
        if crossed and is_short:
            log.error(f"No new work is taken: {self.check()}", action="disk_floor")
        elif crossed:
            log.info("There is room again, and new work is taken.", action="disk_room")

    def _forecasts(self, now: float) -> list[DiskForecast]:
        if self._growth_at is None or now - self._growth_at >= GROWTH_S:
            with self.database.reading() as session:
                self._growth = daily_growth(session, now=self.clock())
            self._growth_at = now
        return forecasts(self.places, self.floor.floor, self._growth, now=self.clock())
