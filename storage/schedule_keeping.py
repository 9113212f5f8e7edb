"""Whether schedules are kept: how many slots of each source were skipped, and which sources are behind.

A slot is skipped if the source's previous run is still waiting or in progress. Slots are counted in a window
of WINDOW, which is longer for sources with few slots. A source is behind as soon as the window has
SKIPPED_SLOTS skipped slots that are SKIPPED_SHARE of all, and until a whole window has fewer. In the first
BUSY_FOR of a window no source is behind, because a machine may be busy for some minutes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from storage.alerts import OF_NO_FINDING, Alert, AlertKind, TriageState
from storage.runs import Run, RunState
from storage.sources import Source

WINDOW = timedelta(days=1)
WINDOW_SLOTS = 8  # a window ends only when it has as many
BUSY_FOR = timedelta(minutes=10)
SKIPPED_SLOTS = 4
SKIPPED_SHARE = 0.25
LAST_RUNS = 20  # from which the usual durations are computed
#: The dedupe key of the alert, before the number of the source that was behind first.
KEY_PREFIX = "installation:schedule:"
CLOSED = (TriageState.RESOLVED, TriageState.FALSE_POSITIVE)


@dataclass(frozen=True, slots=True)
class LateSource:
    """A source that is behind: its slots since `since`, and how long its last runs waited and took, in
    seconds.
    """

    name: str
    since: datetime
    slots: int
    skipped: int
    waited_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class ScheduleTrouble:
    """The sources that are behind, with the time since when, the open alert about them, and whether one has
    to be opened: no alert is open, and a source fell behind after the last one was closed.
    """

    behind: Mapping[int, datetime]
    alert: Alert | None
    begins: bool

    @property
    def ends(self) -> bool:
        return self.alert is not None and not self.behind


def note_slot(session: Session, source_id: int, *, kept: bool, now: datetime) -> None:
    """Count a slot. `kept`: it has a run; otherwise it was skipped."""
    source = session.get(Source, source_id, with_for_update={"key_share": True}, populate_existing=True)
    if source is None:
        return
    slots = source.slots_kept + source.slots_skipped
    if source.slots_since is None or (now - source.slots_since >= WINDOW and slots >= WINDOW_SLOTS):
        if not _skips_many(source):
            source.behind_since = None
        source.slots_since, source.slots_kept, source.slots_skipped = now, 0, 0
    if kept:
        source.slots_kept += 1
    else:
        source.slots_skipped += 1
    if source.behind_since is None and now - source.slots_since >= BUSY_FOR and _skips_many(source):
        source.behind_since = now
    session.flush()


def _skips_many(source: Source) -> bool:
    slots = source.slots_kept + source.slots_skipped
    return source.slots_skipped >= SKIPPED_SLOTS and source.slots_skipped >= SKIPPED_SHARE * slots


def schedule_trouble(session: Session) -> ScheduleTrouble:
    query = select(Source.id, Source.behind_since).where(Source.behind_since.is_not(None))
    query = query.where(Source.enabled, Source.removed_at.is_(None)).order_by(Source.behind_since, Source.id)
    behind = {row[0]: row[1] for row in session.execute(query) if row[1] is not None}
    last = _last_alert(session)
    is_open = last is not None and last.state not in CLOSED
    begins = bool(behind) and not is_open and (last is None or max(behind.values()) > last.updated_at)
    return ScheduleTrouble(behind, last if is_open else None, begins)


def due_schedule_changes(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the id of a source or of the alert, if the trouble begins or ends and that is not told yet."""
    trouble = schedule_trouble(session)
    if trouble.begins:
        return list(trouble.behind)[:1][:limit]
    return [trouble.alert.id][:limit] if trouble.alert is not None and trouble.ends else []


def late_sources(session: Session, source_ids: Iterable[int]) -> list[LateSource]:
    """Return the numbers of these sources, the one that skipped most slots first."""
    columns = (Source.id, Source.name, Source.slots_since, Source.slots_kept, Source.slots_skipped)
    rows = session.execute(select(*columns).where(Source.id.in_(list(source_ids)))).all()
    worst = sorted(rows, key=lambda row: (-row.slots_skipped, row.id))
    return [_late_source(session, row) for row in worst]


def _last_alert(session: Session) -> Alert | None:
    return session.scalar(
        select(Alert)
        .where(Alert.dedupe_key > KEY_PREFIX, Alert.dedupe_key < KEY_PREFIX[:-1] + ";")
        .where(text(OF_NO_FINDING), Alert.kind == AlertKind.INSTALLATION)
        .order_by(Alert.id.desc())
        .limit(1)
    )


def _late_source(session: Session, source: Row[int, str, datetime | None, int, int]) -> LateSource:
    columns = (Run.queued_at, Run.started_at, Run.finished_at)
    last = select(*columns).where(Run.source_id == source.id, Run.state == RunState.FINISHED)
    last = last.where(Run.started_at.is_not(None)).order_by(Run.finished_at.desc()).limit(LAST_RUNS)
    rows = session.execute(last).all()
    return LateSource(
        name=source.name,
        since=source.slots_since,
        slots=source.slots_kept + source.slots_skipped,
        skipped=source.slots_skipped,
        waited_s=median([(row.started_at - row.queued_at).total_seconds() for row in rows] or [0]),
        took_s=median([(row.finished_at - row.started_at).total_seconds() for row in rows] or [0]),
    )
