"""What starts and stops the legal clocks of findings that a person may see."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, TriageState
from storage.triage import SPILLWATCH, ActKind, FindingAct, TriageEvent
from storage.visible.visibility import Visibility

AWARE = (TriageState.ACKNOWLEDGED, TriageState.INVESTIGATING, TriageState.CONFIRMED)
KINDS = (ActKind.CERTAIN, ActKind.NOT_CERTAIN, ActKind.NOTIFIED)


@dataclass(slots=True)
class ClockTimes:
    """When somebody first knew of a finding, since when it is certain, and who was notified when."""

    acknowledged_at: datetime | None = None
    certain_at: datetime | None = None
    notified: list[tuple[datetime, str]] = field(default_factory=list)


def clock_times(session: Session, view: Visibility, ids: Collection[int]) -> Mapping[int, ClockTimes]:
    """Return the times of findings by id. False positives have none."""
    wanted = (Alert.id.in_(ids), Alert.state != TriageState.FALSE_POSITIVE, view.of(Alert.company_id))
    found: dict[int, ClockTimes] = defaultdict(ClockTimes)
    events = select(TriageEvent).join(Alert, Alert.id == TriageEvent.alert_id)
    for event in session.scalars(
        events.where(*wanted, TriageEvent.by != SPILLWATCH).order_by(TriageEvent.id)
    ):
        times = found[event.alert_id]
        if event.after in AWARE and times.acknowledged_at is None:
            times.acknowledged_at = event.at
    acts = select(FindingAct).join(Alert, Alert.id == FindingAct.alert_id)
    for act in session.scalars(acts.where(*wanted, FindingAct.kind.in_(KINDS)).order_by(FindingAct.id)):
        times = found[act.alert_id]
        if act.kind is ActKind.NOTIFIED:
            times.notified.append((act.at, act.detail))
        else:
            times.certain_at = act.at if act.kind is ActKind.CERTAIN else None
    return found


def findings_with_clocks(session: Session, view: Visibility, *, limit: int) -> Sequence[tuple[int, str, str]]:
    """Return id, reference and title of the findings that changed last and that somebody acknowledged."""
    query = select(Alert.id, Alert.reference, Alert.title).where(
        Alert.kind == AlertKind.FINDING,
        Alert.merged_into_id.is_(None),
        Alert.state.not_in((TriageState.NEW, TriageState.FALSE_POSITIVE))
        | Alert.id.in_(select(FindingAct.alert_id).where(FindingAct.kind == ActKind.CERTAIN)),
        view.of(Alert.company_id),
    )
    rows = session.execute(query.order_by(Alert.updated_at.desc(), Alert.id.desc()).limit(limit))
    return [(row.id, row.reference, row.title) for row in rows]
