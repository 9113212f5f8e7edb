"""The outbox: an alert's revision and its deliveries, written in one transaction.

So everything that was decided is sent, whatever is killed in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from alerts import metrics
from alerts.dedupe import listing_news
from alerts.glance import glance_of
from alerts.message import MessageContent
from alerts.settings import AlertsSettings, Channel
from alerts.severity import Judgement
from alerts.timing import send_time
from storage import alerts as rows
from storage import deliveries, mutes
from storage.alerts import (
    Alert,
    AlertChange,
    AlertDraft,
    AlertKind,
    ChannelTarget,
    OpenedAlert,
    TriageState,
    alert_by_key,
)
from storage.mutes import Mute
from storage.triage import SPILLWATCH, note_event
from storage.work import Dispatcher, Work, WorkKind

#: Revisions for which an acknowledgement is awaited.
ASKING = frozenset({AlertChange.OPENED, AlertChange.ESCALATED, AlertChange.REOPENED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSubject:
    """The alert that a revision belongs to, and the rows that the alert is about."""

    dedupe_key: str
    kind: AlertKind
    company: str | None = None  # slug, for routing
    company_id: int | None = None
    source_id: int | None = None
    listing_id: int | None = None
    channel: str | None = None  # an alert about a channel is not sent through that channel


@dataclass(frozen=True, slots=True)
class RevisionDraft:
    """A revision to write."""

    subject: AlertSubject
    change: AlertChange
    judgement: Judgement
    content: MessageContent


@dataclass(frozen=True, slots=True)
class Outbox:
    """Writes revisions. Call `write` in the transaction that judged."""

    settings: AlertsSettings
    dispatcher: Dispatcher

    def write(self, session: Session, draft: RevisionDraft, *, now: datetime) -> OpenedAlert:
        """Write the alert, its revision and one delivery per channel that carries it; announce the
        deliveries.
        """
        subject, judgement = draft.subject, draft.judgement
        routed = self.settings.routed(
            subject.kind,
            company=subject.company,
            severity=judgement.severity,
            source=source_name(draft),
            apart_from=subject.channel,
        )
        mute = mute_of(session, draft, now=now)
        alert_draft = self._alert_draft(draft)
        if mute is not None:
            metrics.MUTED.inc()
            alert_draft, channels = replace(alert_draft, muted_by_id=mute.id), []
        else:
            waiting = self._escalates_at(routed, draft, now)
            alert_draft = replace(alert_draft, escalates_at=waiting)
            channels = [
                self._target(session, name, channel, draft, now)
                for name, channel in routed.items()
                if channel.escalation is None or subject.kind is not AlertKind.FINDING
            ]
        written = rows.open_or_revise(session, alert_draft, channels=channels, now=now)
        if written.before is not None and written.before is not draft.content.state:
            note_event(
                session,
                written.alert_id,
                before=written.before,
                after=draft.content.state,
                by=SPILLWATCH,
                reason=_reason_of(draft),
                now=now,
            )
        self._announce(session, written.delivery_ids)
        _count(draft)
        return written

    def write_to(
        self, session: Session, draft: RevisionDraft, target: ChannelTarget, *, now: datetime
    ) -> OpenedAlert:
        """Write a revision for one channel, whatever it usually carries."""
        written = rows.open_or_revise(session, self._alert_draft(draft), channels=[target], now=now)
        self._announce(session, written.delivery_ids)
        _count(draft)
        return written

    def escalate(self, session: Session, alert: Alert, draft: RevisionDraft, *, now: datetime) -> int:
        """Send the last revision of an alert that nobody has acknowledged through the channels whose time has
        come, and note when the next one's comes; return the number of deliveries. Lock the alert before.
        """
        since, subject = alert.awaits_since, draft.subject
        alert.escalates_at = None
        if since is None:
            return 0
        routed = self.settings.routed(
            subject.kind,
            company=subject.company,
            severity=draft.judgement.severity,
            source=source_name(draft),
        )
        waits = {
            name: since + each.escalation for name, each in routed.items() if each.escalation is not None
        }
        told = rows.channels_told(session, alert.id, since=since)
        due = [name for name, at in waits.items() if at <= now and name not in told]
        targets = [ChannelTarget(name, routed[name].transport) for name in due]
        written = rows.add_deliveries(session, alert.id, alert.revision, targets, now)
        self._announce(session, written)
        alert.escalates_at = min((at for at in waits.values() if at > now), default=None)
        session.flush()
        return len(written)

    def _announce(self, session: Session, delivery_ids: Sequence[int]) -> None:
        for delivery_id in delivery_ids:
            self.dispatcher.announce(session, Work(WorkKind.DELIVER, delivery_id))

    def _escalates_at(
        self, routed: Mapping[str, Channel], draft: RevisionDraft, now: datetime
    ) -> datetime | None:
        """Return when the first channel gets a finding that nobody acknowledges; None: no channel waits."""
        asks = draft.change in ASKING and draft.content.state is TriageState.NEW
        if draft.subject.kind is not AlertKind.FINDING or not asks:
            return None
        return min(
            (now + each.escalation for each in routed.values() if each.escalation is not None), default=None
        )

    def _target(
        self, session: Session, name: str, channel: Channel, draft: RevisionDraft, now: datetime
    ) -> ChannelTarget:
        """Return a channel with the time at which it gets the message."""
        free = None
        if channel.max_per_hour is not None:
            free = deliveries.rate_free_at(session, name, per_hour=channel.max_per_hour)
        due = send_time(
            channel,
            draft.subject.kind,
            draft.judgement.severity,
            zone=ZoneInfo(self.settings.zone),
            now=now,
            rate_free_at=free,
        )
        if due.held_for is not None:
            metrics.HELD_DELIVERIES.labels(due.held_for.value).inc()
        return ChannelTarget(name, channel.transport, due.at, due.held_for)

    def _alert_draft(self, draft: RevisionDraft) -> AlertDraft:
        subject, judgement = draft.subject, draft.judgement
        content = draft.content.model_copy(update={"thresholds": self.settings.severity.thresholds})
        verdict, glance = glance_of(content, judgement)
        return AlertDraft(
            dedupe_key=subject.dedupe_key,
            kind=subject.kind,
            change=draft.change,
            severity=judgement.severity,
            score=judgement.score,
            title=content.title,
            verdict=verdict,
            glance=glance,
            signals=[signal.model_dump(mode="json") for signal in judgement.signals],
            content=content.model_dump(mode="json"),
            state=content.state,
            company_id=subject.company_id,
            source_id=subject.source_id,
            listing_id=subject.listing_id,
            listing_gone=content.listing is not None and content.listing.gone_at is not None,
            news=listing_news(content.listing) if content.listing else None,
        )


def _count(draft: RevisionDraft) -> None:
    kind, severity = draft.subject.kind, draft.judgement.severity
    metrics.ALERTS.labels(kind.value, draft.change.value, severity.value).inc()


def source_name(draft: RevisionDraft) -> str | None:
    """Return the source by which a revision is routed."""
    return draft.content.source.name if draft.content.source else None


def mute_of(session: Session, draft: RevisionDraft, *, now: datetime) -> Mute | None:
    """Return the mute that keeps a revision from the channels; None: it is sent."""
    subject = draft.subject
    if subject.kind is not AlertKind.FINDING or subject.company_id is None:
        return None
    alert = alert_by_key(session, subject.dedupe_key)
    case = mutes.case_of(
        draft.content.model_dump(mode="json", include={"listing", "matches", "canaries", "sample"}),
        draft.judgement.severity,
        company_id=subject.company_id,
        source_id=subject.source_id,
        alert_id=alert.id if alert else None,
    )
    return mutes.mute_for(session, case, now=now)


def _reason_of(draft: RevisionDraft) -> str:
    """Say in a triage event why the state changed: what differs from the revision before."""
    told = "; ".join(f"{each.field} {each.before} to {each.after}" for each in draft.content.changes)
    return f"{draft.change.value}: {told}" if told else draft.change.value
