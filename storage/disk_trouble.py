"""Whether a disk of a machine is about to be full, and the alert about that: one per machine."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, TriageState
from storage.disk_space import DiskForecast

#: The dedupe key of the alert, before the name of the machine and the time at which it was opened.
KEY_PREFIX = "installation:disk:"
CLOSED = (TriageState.RESOLVED, TriageState.FALSE_POSITIVE)
#: An alert that a person has closed while the trouble lasts is not opened again for this long.
QUIET = timedelta(days=1)
#: The trouble is over when the floor is this much further away than where it begins.
OVER = 1.5


class DiskLevel(StrEnum):
    """How bad it is. The values are the signals of the alert."""

    FILLING = "disk_filling"
    FLOOR = "disk_floor"


@dataclass(frozen=True, slots=True)
class DiskTrouble:
    """The worst disk of a machine. `level` is None if there is room; `alert` is the open alert about it."""

    machine: str
    level: DiskLevel | None
    disk: DiskForecast | None
    alert: Alert | None
    told: DiskLevel | None  # what the open alert says
    quiet: bool  # a person closed an alert about it not long ago

    @property
    def begins(self) -> bool:
        return self.level is not None and self.alert is None and not self.quiet

    @property
    def worsens(self) -> bool:
        return self.alert is not None and self.level is DiskLevel.FLOOR and self.told is DiskLevel.FILLING

    @property
    def ends(self) -> bool:
        return self.alert is not None and self.level is None


def level_of(
    disk: DiskForecast, *, warn_days: int, is_short: bool, lasting: bool, now: datetime
) -> DiskLevel | None:
    """Return how bad it is. `is_short`: new work is not taken; `lasting`: an alert is open, which ends later
    than it begins.
    """
    if is_short:
        return DiskLevel.FLOOR
    factor = OVER if lasting else 1.0
    soon = disk.floor_at is not None and disk.floor_at <= now + timedelta(days=warn_days) * factor
    if soon or disk.free < disk.floor * 2 * factor:
        return DiskLevel.FILLING
    return None


def machine_key(machine: str) -> str:
    return f"{KEY_PREFIX}{machine}:"


def last_disk_alert(session: Session, machine: str) -> Alert | None:
    """Return the newest alert about the disks of a machine, locked for the rest of the transaction."""
    query = select(Alert).where(
        Alert.kind == AlertKind.INSTALLATION,
        Alert.dedupe_key.startswith(machine_key(machine), autoescape=True),
    )
    return session.scalar(query.order_by(Alert.id.desc()).limit(1).with_for_update())
