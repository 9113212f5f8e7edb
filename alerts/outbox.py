"""An alert's revision and its deliveries, written in one transaction: what is decided here is sent, whatever
dies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from alerts import metrics
from alerts.dedupe import Judged
from alerts.message import MessageContent
from alerts.settings import AlertsSettings
from storage import alerts as rows
from storage.alerts import AlertChange, AlertDraft, AlertKind, ChannelTarget, OpenedAlert
from storage.work import Dispatcher, Work, WorkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Which alert a revision belongs to, and which rows it is about."""

    key: str
    kind: AlertKind
    company: str | None = None  # slug, for routing
    company_id: int | None = None
    source_id: int | None = None
    listing_id: int | None = None
    channel: str | None = None  # the channel that an alert is about gets no copy


@dataclass(frozen=True, slots=True)
class Outbox:
    """Writes revisions; `write` is called inside the transaction that judged."""

    settings: AlertsSettings
    dispatcher: Dispatcher

    def write(
        self,
        session: Session,
        about: About,
        *,
        change: AlertChange,
        judged: Judged,
        content: MessageContent,
        now: datetime,
    ) -> OpenedAlert:
        """Writes the alert, its revision and one delivery for each channel that carries it, and announces
        them.
        """
        finding = AlertDraft(
            dedupe_key=about.key,
            kind=about.kind,
            change=change,
            severity=judged.severity,
            score=judged.score,
            title=content.title,
            signals=[signal.model_dump(mode="json") for signal in judged.signals],
            content=content.model_copy(update={"thresholds": self.settings.severity.thresholds}).model_dump(
                mode="json"
            ),
            state=content.state,
            company_id=about.company_id,
            source_id=about.source_id,
            listing_id=about.listing_id,
            listing_gone=content.listing is not None and content.listing.gone_at is not None,
        )
        routed = self.settings.routed(
            about.kind, company=about.company, severity=judged.severity, apart_from=about.channel
        )
        channels = [ChannelTarget(name, transport) for name, transport in routed]
        written = rows.open_or_revise(session, finding, channels=channels, now=now)
        for delivery_id in written.delivery_ids:
            self.dispatcher.announce(session, Work(WorkKind.DELIVER, delivery_id))
        metrics.ALERTS.labels(about.kind.value, change.value, judged.severity.value).inc()
        return written
