"""What people did with a finding: its states with reasons, its owner, notes, labels, links, and merging.

Each state is an event that is never changed, so the events are the timeline of who knew what, and when. The
alert's own row holds the newest state. Acts are the other entries of the timeline: who saw it first, since
when somebody is certain, who was notified, what was merged. Lock the alert before, by `alerts.lock_alert`.

A merged finding stands in no list; the finding that it was merged into stands for it, and its state counts
when the merged one is judged again. `merge_findings` says what may be merged. A merged finding that becomes
stronger leaves the merge by itself (alerts.service), so that it is seen.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, delete, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alerts import Alert, AlertKind, TriageState, lock_alert
from storage.database.base import Base

SPILLWATCH = "spillwatch"  # who acts when nobody does
#: States that end the work on a finding. Why has to be said.
NEEDS_REASON = frozenset({TriageState.FALSE_POSITIVE, TriageState.RESOLVED})
REASON_CHARS = 2_000
NOTE_CHARS = 4_000
NOTES = 1_000  # of one finding
LABELS = 20  # of one finding
LINKS = 50  # of one finding
MERGED = 200  # findings below one, however deep
LABEL = re.compile(r"[^\W_][\w.-]{0,39}")


class TriageEvent(Base):
    """A state that a finding was given from `at` on."""

    __tablename__ = "triage_events"
    __table_args__ = (Index(None, "alert_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]  # name to sign in by, or `spillwatch` when a stronger finding reopened it
    before: Mapped[TriageState]
    after: Mapped[TriageState]
    reason: Mapped[str]


class ActKind(StrEnum):
    """What was done with a finding apart from its states."""

    VIEWED = "viewed"  # this person opened its page for the first time since the revision `detail`
    CERTAIN = "certain"  # from now on it is certain that the data is the company's
    NOT_CERTAIN = "not_certain"  # the certainty was withdrawn
    NOTIFIED = "notified"  # somebody outside was told, such as an authority
    ASSIGNED = "assigned"  # `detail` is the owner's name, "" if nobody owns it
    MERGED = "merged"  # into the finding `other`
    UNMERGED = "unmerged"  # from the finding `other`
    TOOK_IN = "took_in"  # the finding `other` was merged into this one
    GAVE_BACK = "gave_back"  # the finding `other` stands for itself again


class FindingAct(Base):
    """An entry of a finding's timeline. It is never changed."""

    __tablename__ = "finding_acts"
    __table_args__ = (Index(None, "alert_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    kind: Mapped[ActKind]
    at: Mapped[datetime]  # when it was so
    written_at: Mapped[datetime]  # when somebody wrote it down
    by: Mapped[str]
    detail: Mapped[str]  # the reason, who was notified, or the owner
    other: Mapped[str]  # reference of another finding; "" if there is none


class FindingNote(Base):
    __tablename__ = "finding_notes"
    __table_args__ = (Index(None, "alert_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    text: Mapped[str]


class FindingLabel(Base):
    __tablename__ = "finding_labels"
    __table_args__ = (Index(None, "label", "alert_id"),)

    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)


class FindingLink(Base):
    """Two findings that belong together; `alert_id` is the smaller id."""

    __tablename__ = "finding_links"
    __table_args__ = (UniqueConstraint("alert_id", "other_id"), Index(None, "other_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]


class TriageRefusal(StrEnum):
    """Why a change is not possible; nothing was written."""

    REASON_MISSING = "reason_missing"
    SAME_STATE = "same_state"
    SAME_FINDING = "same_finding"
    OTHER_COMPANY = "other_company"
    MERGED_ALREADY = "merged_already"
    NOT_MERGED = "not_merged"
    LESS_SEVERE = "less_severe"  # the finding that would stand for both is the less severe one
    TOO_MANY = "too_many"
    NOT_A_LABEL = "not_a_label"
    LINKED_ALREADY = "linked_already"
    NOT_CERTAIN = "not_certain"
    CERTAIN_ALREADY = "certain_already"


# --- states


def events_of(session: Session, alert_id: int) -> Sequence[TriageEvent]:
    """Return the states of a finding, oldest first."""
    return session.scalars(
        select(TriageEvent).where(TriageEvent.alert_id == alert_id).order_by(TriageEvent.id)
    ).all()


def note_event(
    session: Session,
    alert_id: int,
    *,
    before: TriageState,
    after: TriageState,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Write that an alert has another state, which its row has already."""
    session.add(TriageEvent(alert_id=alert_id, at=now, by=by, before=before, after=after, reason=reason))
    session.flush()


def change_state(
    session: Session, alert: Alert, state: TriageState, *, by: str, reason: str, now: datetime
) -> bool:
    """Give a locked finding a state. False: it has it already."""
    if alert.state is state:
        return False
    before = alert.state
    alert.state, alert.acknowledged_at, alert.acknowledged_by, alert.updated_at = state, now, by, now
    alert.note = reason or alert.note
    alert.awaits_since = alert.escalates_at = None
    note_event(session, alert.id, before=before, after=state, by=by, reason=reason, now=now)
    return True


def set_triage_state(
    session: Session,
    alert_id: int,
    *,
    by: str,
    now: datetime,
    note: str | None = None,
    state: TriageState = TriageState.ACKNOWLEDGED,
) -> bool:
    """Record a triage state: by whom, when and why. False: there is no such alert, or it has this state
    already.
    """
    alert = lock_alert(session, alert_id)
    return alert is not None and change_state(session, alert, state, by=by, reason=note or "", now=now)


# --- acts


def acts_of(session: Session, alert_id: int, *, limit: int) -> Sequence[FindingAct]:
    """Return the newest acts of a finding without views of it, oldest first."""
    query = select(FindingAct).where(FindingAct.alert_id == alert_id, FindingAct.kind != ActKind.VIEWED)
    return session.scalars(query.order_by(FindingAct.id.desc()).limit(limit)).all()[::-1]


def note_act(
    session: Session,
    alert: Alert,
    kind: ActKind,
    *,
    by: str,
    now: datetime,
    at: datetime | None = None,
    detail: str = "",
    other: str = "",
) -> None:
    """Write an act; `at`: when it was so, if not now."""
    act = FindingAct(alert_id=alert.id, kind=kind, at=at or now, written_at=now, by=by)
    act.detail, act.other = detail, other
    session.add(act)
    session.flush()


def has_viewed(session: Session, alert: Alert, by: str) -> bool:
    """Return whether a person opened the page of a finding since its last revision."""
    return session.scalar(_views(alert, by).limit(1)) is not None


def note_view(session: Session, alert: Alert, *, by: str, now: datetime) -> bool:
    """Write that a person opened the page of a locked finding. False: not for the first time since its last
    revision.
    """
    if has_viewed(session, alert, by):
        return False
    note_act(session, alert, ActKind.VIEWED, by=by, detail=str(alert.revision), now=now)
    return True


def _views(alert: Alert, by: str) -> Select[int]:
    return select(FindingAct.id).where(
        FindingAct.alert_id == alert.id,
        FindingAct.kind == ActKind.VIEWED,
        FindingAct.by == by,
        FindingAct.detail == str(alert.revision),
    )


def first_views(session: Session, alert_id: int, *, limit: int) -> Sequence[tuple[str, datetime]]:
    """Return who opened the page of a finding, and when for the first time."""
    viewed = (FindingAct.alert_id == alert_id, FindingAct.kind == ActKind.VIEWED)
    first = func.min(FindingAct.at)
    query = select(FindingAct.by, first).where(*viewed).group_by(FindingAct.by).order_by(first).limit(limit)
    return [(row[0], row[1]) for row in session.execute(query)]


def certain_since(session: Session, alert_id: int) -> FindingAct | None:
    """Return the act since which it is certain that the data is the company's; None: it is not."""
    kinds = (ActKind.CERTAIN, ActKind.NOT_CERTAIN)
    query = select(FindingAct).where(FindingAct.alert_id == alert_id, FindingAct.kind.in_(kinds))
    last = session.scalar(query.order_by(FindingAct.id.desc()).limit(1))
    return last if last is not None and last.kind is ActKind.CERTAIN else None


def declare_certain(
    session: Session, alert: Alert, *, at: datetime, by: str, reason: str, now: datetime
) -> TriageRefusal | None:
    """Write that from `at` on the company is certain. The first such act counts until it is withdrawn."""
    if not reason:
        return TriageRefusal.REASON_MISSING
    if certain_since(session, alert.id) is not None:
        return TriageRefusal.CERTAIN_ALREADY
    note_act(session, alert, ActKind.CERTAIN, by=by, at=at, detail=reason, now=now)
    return None


def withdraw_certainty(
    session: Session, alert: Alert, *, by: str, reason: str, now: datetime
) -> TriageRefusal | None:
    """Write that it is not certain after all. Both acts stay in the timeline."""
    if not reason:
        return TriageRefusal.REASON_MISSING
    if certain_since(session, alert.id) is None:
        return TriageRefusal.NOT_CERTAIN
    note_act(session, alert, ActKind.NOT_CERTAIN, by=by, detail=reason, now=now)
    return None


def assign_owner(
    session: Session, alert: Alert, *, owner_id: int | None, owner: str, by: str, now: datetime
) -> bool:
    """Give a locked finding an owner, or none. False: it has this one already."""
    if alert.owner_id == owner_id:
        return False
    alert.owner_id, alert.updated_at = owner_id, now
    note_act(session, alert, ActKind.ASSIGNED, by=by, detail=owner, now=now)
    return True


# --- notes, labels, links


def notes_of(session: Session, alert_id: int, *, limit: int) -> Sequence[FindingNote]:
    """Return the newest notes, oldest first."""
    query = select(FindingNote).where(FindingNote.alert_id == alert_id).order_by(FindingNote.id.desc())
    return session.scalars(query.limit(limit)).all()[::-1]


def add_note(session: Session, alert: Alert, *, by: str, text: str, now: datetime) -> TriageRefusal | None:
    if not text:
        return TriageRefusal.REASON_MISSING
    count = select(func.count()).where(FindingNote.alert_id == alert.id)
    if (session.scalar(count) or 0) >= NOTES:
        return TriageRefusal.TOO_MANY
    session.add(FindingNote(alert_id=alert.id, at=now, by=by, text=text[:NOTE_CHARS]))
    session.flush()
    return None


def labels_of(session: Session, alert_id: int) -> Sequence[str]:
    query = select(FindingLabel.label).where(FindingLabel.alert_id == alert_id)
    return session.scalars(query.order_by(FindingLabel.label)).all()


def add_label(session: Session, alert: Alert, label: str) -> TriageRefusal | None:
    """Give a finding a label: a word of letters and digits, with hyphens and dots, in lower case."""
    word = label.strip().lower()
    if not LABEL.fullmatch(word):
        return TriageRefusal.NOT_A_LABEL
    held = labels_of(session, alert.id)
    if word in held:
        return None
    if len(held) >= LABELS:
        return TriageRefusal.TOO_MANY
    session.add(FindingLabel(alert_id=alert.id, label=word))
    session.flush()
    return None


def remove_label(session: Session, alert: Alert, label: str) -> None:
    session.execute(
        delete(FindingLabel).where(FindingLabel.alert_id == alert.id, FindingLabel.label == label)
    )


def _count_links(session: Session, alert_id: int) -> int:
    of_it = or_(FindingLink.alert_id == alert_id, FindingLink.other_id == alert_id)
    return session.scalar(select(func.count()).select_from(FindingLink).where(of_it)) or 0


def link_findings(
    session: Session, alert: Alert, other: Alert, *, by: str, reason: str, now: datetime
) -> TriageRefusal | None:
    """Link two locked findings of one company."""
    if alert.id == other.id:
        return TriageRefusal.SAME_FINDING
    if alert.company_id != other.company_id:
        return TriageRefusal.OTHER_COMPANY
    low, high = sorted((alert.id, other.id))
    held = select(FindingLink.id).where(FindingLink.alert_id == low, FindingLink.other_id == high)
    if session.scalar(held) is not None:
        return TriageRefusal.LINKED_ALREADY
    if max(_count_links(session, low), _count_links(session, high)) >= LINKS:
        return TriageRefusal.TOO_MANY
    session.add(FindingLink(alert_id=low, other_id=high, at=now, by=by, reason=reason))
    session.flush()
    return None


def unlink_findings(session: Session, alert: Alert, other: Alert) -> bool:
    """Remove a link. False: there is none."""
    low, high = sorted((alert.id, other.id))
    of_both = (FindingLink.alert_id == low, FindingLink.other_id == high)
    gone = session.scalars(delete(FindingLink).where(*of_both).returning(FindingLink.id)).all()
    return bool(gone)


# --- merging


def standing_for(session: Session, alert: Alert) -> Alert:
    """Return the finding that stands for this one in lists: itself, if it is not merged."""
    seen = {alert.id}
    while alert.merged_into_id is not None:
        above = session.get(Alert, alert.merged_into_id, populate_existing=True)
        if above is None or above.id in seen:  # never written, but no reason to turn in a circle
            return alert
        seen.add(above.id)
        alert = above
    return alert


def merged_below(session: Session, alert_id: int) -> Sequence[Alert]:
    """Return the findings that one stands for, those merged into it directly first."""
    found: list[Alert] = []
    level = [alert_id]
    while level and len(found) <= MERGED:
        below = session.scalars(
            select(Alert).where(Alert.merged_into_id.in_(level)).order_by(Alert.id).limit(MERGED + 1)
        ).all()
        level = [each.id for each in below]
        found += below
    return found


def merge_findings(
    session: Session, alert: Alert, into: Alert, *, by: str, reason: str, now: datetime
) -> TriageRefusal | None:
    """Merge a locked finding into another locked one, of the same company.

    It may not be more severe than the one that stands for both: a list would then show the wrong severity.
    What was merged into it stays below it, and goes back with it.
    """
    if alert.id == into.id:
        return TriageRefusal.SAME_FINDING
    findings = alert.kind is AlertKind.FINDING and into.kind is AlertKind.FINDING
    if alert.company_id != into.company_id or not findings:
        return TriageRefusal.OTHER_COMPANY
    if alert.merged_into_id is not None or into.merged_into_id is not None:
        return TriageRefusal.MERGED_ALREADY
    if alert.severity.rank > into.severity.rank:
        return TriageRefusal.LESS_SEVERE
    if len(merged_below(session, alert.id)) + len(merged_below(session, into.id)) >= MERGED:
        return TriageRefusal.TOO_MANY
    alert.merged_into_id, alert.updated_at, into.updated_at = into.id, now, now
    note_act(session, alert, ActKind.MERGED, by=by, detail=reason, other=into.reference, now=now)
    note_act(session, into, ActKind.TOOK_IN, by=by, detail=reason, other=alert.reference, now=now)
    return None


def unmerge_finding(
    session: Session, alert: Alert, *, by: str, reason: str, now: datetime
) -> TriageRefusal | None:
    """Let a locked finding stand for itself again, in the state that it had before the merge."""
    if alert.merged_into_id is None:
        return TriageRefusal.NOT_MERGED
    above = session.get_one(Alert, alert.merged_into_id)
    alert.merged_into_id, alert.updated_at = None, now
    note_act(session, alert, ActKind.UNMERGED, by=by, detail=reason, other=above.reference, now=now)
    note_act(session, above, ActKind.GAVE_BACK, by=by, detail=reason, other=alert.reference, now=now)
    return None
