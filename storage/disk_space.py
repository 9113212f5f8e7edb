"""The disks that hold evidence and database: how much is free, how fast they fill, and when there is no room.

Below the floor the daemon takes no new work: what is in progress still has room to end, and so have alerts,
deliveries and retention. It goes on as soon as there is a tenth more than the floor.

How fast a disk fills is computed from rows: the sizes of the newest captures and versions, and the bytes that
passes of retention have freed. Nothing is measured while nothing is stored.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.captures import Capture
from storage.listing_tables import ListingVersion
from storage.retention.passes import RetentionPass
from storage.runs import Run
from storage.settings import StorageSettings

MIB = 1024 * 1024
RESUME = 1.1  # of the floor, from which new work is taken again
FRESH_S = 2.0  # for which the free space is not asked again
GROWTH_WINDOW = timedelta(days=14)
SAMPLE_ROWS = 100_000  # newest rows from which the growth is computed
LEAST_TIME = timedelta(hours=6)  # a shorter time says nothing about a day
#: Bytes of a row in the database with its indexes, without its texts; measured on SQLite.
CAPTURE_ROW, VERSION_ROW, RUN_ROW = 350, 900, 350
TEXT_FACTOR = 2.2  # a text is stored once, and its words in the search index


@dataclass(frozen=True, slots=True)
class DataPlace:
    """A folder that grows: `what` is evidence or database."""

    what: str
    path: Path

    @property
    def there(self) -> Path:
        """The folder, or the nearest one above it that exists."""
        return next(each for each in (self.path, *self.path.parents) if each.exists())

    @property
    def device(self) -> int:
        return self.there.stat().st_dev

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.there).free


def data_places(settings: StorageSettings) -> tuple[DataPlace, ...]:
    """Return the places on this machine; a database on a server is not ours to look at."""
    evidence = DataPlace("evidence", settings.evidence_store().folder)
    url = settings.database_url.get_secret_value()
    if not url.startswith("sqlite"):
        return (evidence,)
    return evidence, DataPlace("database", Path(url.partition(":///")[2]).parent)


@dataclass(slots=True)
class DiskFloor:
    """Whether there is room for new work. Threads may share it. A floor of 0 bytes is none."""

    places: tuple[DataPlace, ...]
    floor: int
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asked_at: float | None = None
    _short: str | None = None

    def problem(self) -> str | None:
        """Say which disk is below the floor; None: there is room."""
        if not self.floor:
            return None
        with self._lock:
            now = self.clock()
            if self._asked_at is None or now - self._asked_at >= FRESH_S:
                self._asked_at = now
                self._short = self._ask()
            return self._short

    def _ask(self) -> str | None:
        wanted = self.floor if self._short is None else int(self.floor * RESUME)
        for place in self.places:
            try:
                free = place.free
            except OSError:
                continue  # the checks of evidence and database say what is wrong
            if free < wanted:
                return (
                    f"{free // MIB:,} MiB are free for the {place.what} ({place.there}), and disk_floor_mb "
                    f"is {self.floor // MIB:,}: no new work is taken until there is more room."
                )
        return None


@dataclass(frozen=True, slots=True)
class DailyGrowth:
    """Bytes per day: what is added to evidence and database, and what retention frees of the evidence."""

    evidence: int
    database: int
    freed: int

    def of(self, what: str) -> int:
        return self.evidence - self.freed if what == "evidence" else self.database


def daily_growth(session: Session, *, now: datetime) -> DailyGrowth | None:
    """Return the growth of the last two weeks; None: there are not enough rows to say."""
    captured = _sizes(session, Capture, Capture.fetched_at, now, func.coalesce(Capture.evidence_length, 0))
    texts = func.length(ListingVersion.body) + func.length(ListingVersion.sample)
    versions = _sizes(
        session,
        ListingVersion,
        ListingVersion.seen_at,
        now,
        func.coalesce(ListingVersion.evidence_length, 0),
        texts,
    )
    runs = _sizes(session, Run, Run.queued_at, now)
    if captured is None:
        return None
    none = (0.0, 0.0, 0.0)
    of_versions, of_runs = versions or none, runs or none
    rows = captured[0] * CAPTURE_ROW + of_versions[0] * VERSION_ROW + of_runs[0] * RUN_ROW
    return DailyGrowth(
        evidence=int(captured[1] + of_versions[1]),
        database=int(rows + of_versions[2] * TEXT_FACTOR),
        freed=_freed_per_day(session, now),
    )


def _sizes(
    session: Session,
    table: type[Any],
    at: InstrumentedAttribute[datetime],
    now: datetime,
    *sizes: ColumnElement[Any],
) -> tuple[float, ...] | None:
    """Return rows and sums of sizes per day, from the newest rows of a table; None: too few to say."""
    last = select(func.max(table.id)).scalar_subquery()
    sums = [func.sum(size) for size in sizes]
    query = select(func.count(), func.min(at), *sums)
    query = query.where(table.id > last - SAMPLE_ROWS, at > now - GROWTH_WINDOW)
    count, first, *found = session.execute(query).one()
    if not count or now - first < LEAST_TIME:
        return None
    days = (now - first) / timedelta(days=1)
    whole = (count / days, *(float(each or 0) / days for each in found))
    return (*whole, *(0.0 for _ in range(3 - len(whole))))


def _freed_per_day(session: Session, now: datetime) -> int:
    begin = now - GROWTH_WINDOW
    ended = select(func.sum(RetentionPass.bytes_freed), func.min(RetentionPass.started_at))
    freed, first = session.execute(ended.where(RetentionPass.finished_at > begin)).one()
    if not freed or first is None:
        return 0
    days = max((now - max(first, begin)) / timedelta(days=1), 1.0)
    return int(freed / days)


@dataclass(frozen=True, slots=True)
class DiskForecast:
    """One disk: its places, its free space, and how it changes. `floor_at` is when its free space will be
    that of the floor; None: it does not fill, or the growth is not known (`growth` is None).
    """

    what: tuple[str, ...]
    path: Path
    free: int
    floor: int
    growth: int | None
    floor_at: datetime | None


def forecasts(
    places: Sequence[DataPlace], floor: int, growth: DailyGrowth | None, *, now: datetime
) -> list[DiskForecast]:
    """Return what is to be expected of each disk. Places of one file system are one disk."""
    disks: dict[int, list[DataPlace]] = {}
    for place in places:
        disks.setdefault(place.device, []).append(place)
    found = []
    for same in disks.values():
        free = same[0].free
        daily = None if growth is None else sum(growth.of(place.what) for place in same)
        floor_at = None
        if daily is not None and daily > 0:
            days = max(0.0, (free - floor) / daily)
            floor_at = now + timedelta(days=days) if days < 36_500 else None
        what = tuple(place.what for place in same)
        found.append(DiskForecast(what, same[0].there, free, floor, daily, floor_at))
    return found
