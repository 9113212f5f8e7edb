"""The outbox: an alert's revision and its deliveries, written in one transaction.

So everything that was decided is sent, whatever is killed in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from alerts import metrics
from alerts.dedupe import listing_news
from alerts.message import MessageContent
from alerts.settings import AlertsSettings
from alerts.severity import Judgement
from storage import alerts as rows
from storage.alerts import AlertChange, AlertDraft, AlertKind, ChannelTarget, OpenedAlert
from storage.work import Dispatcher, Work, WorkKind


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
    only_channel: str | None = None  # a test of one channel is sent through no other


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
            subject.kind, company=subject.company, severity=judgement.severity, apart_from=subject.channel
        )
        only = subject.only_channel
        channels = [ChannelTarget(name, transport) for name, transport in routed if only in (None, name)]
        written = rows.open_or_revise(session, self._alert_draft(draft), channels=channels, now=now)
        for delivery_id in written.delivery_ids:
            self.dispatcher.announce(session, Work(WorkKind.DELIVER, delivery_id))
        metrics.ALERTS.labels(subject.kind.value, draft.change.value, judgement.severity.value).inc()
        return written

    def _alert_draft(self, draft: RevisionDraft) -> AlertDraft:
        subject, judgement = draft.subject, draft.judgement
        content = draft.content.model_copy(update={"thresholds": self.settings.severity.thresholds})
        return AlertDraft(
            dedupe_key=subject.dedupe_key,
            kind=subject.kind,
            change=draft.change,
            severity=judgement.severity,
            score=judgement.score,
            title=content.title,
            signals=[signal.model_dump(mode="json") for signal in judgement.signals],
            content=content.model_dump(mode="json"),
            state=content.state,
            company_id=subject.company_id,
            source_id=subject.source_id,
            listing_id=subject.listing_id,
            listing_gone=content.listing is not None and content.listing.gone_at is not None,
            news=listing_news(content.listing) if content.listing else None,
        )
