"""Delivery: the handler that sends one message through one channel, at least once.

1. Claim the delivery by a conditional update and write the row of this attempt; somebody else's claim ends it
   here.
2. Send, outside every transaction.
3. Write what came of it, fenced by the claim's epoch: sent, another attempt at a time, or failed for good
   with the reason; then what it means for the channel. Both in one transaction.

A process that dies between 1 and 3, or a database that fails at 3, leaves an attempt without an end. It
becomes `interrupted` and the delivery due again: at the next start by storage.deliveries.recover, while we
live when storage.deliveries.SEND_LEASE is over. The receiver may then get the message twice, with the same
idempotency key (webhook-id, Message-ID). Nothing is lost and nothing is sent under two keys.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from alerts import channel_health, metrics
from alerts.errors import ChannelRemoved, DeliveryError, GaveUp, UnexpectedError
from alerts.message import Message, message_of
from alerts.outbox import Outbox
from alerts.retry import next_attempt
from alerts.settings import AlertsSettings, Channel
from alerts.transports import send
from alerts.transports.sent import Outgoing, Sent
from storage import alerts as rows
from storage import deliveries
from storage.alerts import Alert, AlertKind
from storage.base import Database
from storage.deliveries import AttemptOutcome, ChannelState, ClaimedDelivery
from storage.work import Dispatcher

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Result:
    """How an attempt ended, as its row says it."""

    outcome: AttemptOutcome
    reason: str | None
    detail: str | None
    status_code: int | None
    next_attempt_at: datetime | None = None


class DeliveryService:
    """Sends what the outbox holds. One instance serves all threads: it keeps nothing between deliveries."""

    def __init__(
        self,
        *,
        database: Database,
        settings: AlertsSettings,
        dispatcher: Dispatcher,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._settings = settings
        self._outbox = Outbox(settings, dispatcher)
        self._clock = clock
        self._chance = chance

    def deliver(self, delivery_id: int) -> None:
        """Make one attempt, if the delivery is due and nobody else has it. Handler of WorkKind.DELIVER."""
        with self._database.transaction() as session:
            claimed = deliveries.claim_delivery(session, delivery_id, now=self._clock())
            message = self._message(session, claimed) if claimed else None
        if claimed is None or message is None:
            return
        started = time.monotonic()
        result = self._attempt(claimed, message)
        elapsed_s = time.monotonic() - started
        metrics.DELIVERIES.labels(claimed.transport, result.outcome.value).inc()
        metrics.DELIVERY_SECONDS.labels(claimed.transport).observe(elapsed_s)
        self._conclude(claimed, message, result, duration_ms=round(elapsed_s * 1000))

    def _message(self, session: Session, claimed: ClaimedDelivery) -> Message:
        """A delivery's alert and revision were written with it: NoResultFound would be a damaged database."""
        alert = session.get_one(Alert, claimed.alert_id)
        revision = rows.revision_by_number(session, claimed.alert_id, claimed.revision)
        return message_of(alert, revision, installation=self._settings.installation)

    def _attempt(self, claimed: ClaimedDelivery, message: Message) -> _Result:
        try:
            sent = self._send(claimed, message)
        except DeliveryError as error:
            return self._failed(claimed, message, error)
        except Exception as error:
            log.exception(
                "An attempt to deliver failed in a way nobody foresaw.",
                action="delivery_unexpected",
                delivery=claimed.delivery_id,
                channel=claimed.channel,
            )
            unexpected = UnexpectedError(f"{type(error).__name__}; the log has the traceback.")
            return self._failed(claimed, message, unexpected)
        return _Result(AttemptOutcome.SENT, sent.reason, sent.detail, sent.status_code)

    def _send(self, claimed: ClaimedDelivery, message: Message) -> Sent:
        channel: Channel | None = self._settings.channels.get(claimed.channel)
        if channel is None or not channel.enabled:
            raise ChannelRemoved(
                f"The channel {claimed.channel} is not in the configuration any more, or is disabled. Put it "
                "back and "
                f"run `spillwatch alerts retry --channel {claimed.channel}` if this should still be sent."
            )
        return send(channel, Outgoing(message, claimed.idempotency_key, self._clock()))

    def _failed(self, claimed: ClaimedDelivery, message: Message, error: DeliveryError) -> _Result:
        if error.permanent:
            return _Result(AttemptOutcome.PERMANENT, error.reason, str(error), error.status_code)
        if message.kind is AlertKind.TEST:  # whoever asked is looking at it now
            return _Result(AttemptOutcome.PERMANENT, error.reason, str(error), error.status_code)
        due = next_attempt(
            self._settings.retry,
            attempt=claimed.tries,
            began=claimed.since,
            now=self._clock(),
            retry_after_s=error.retry_after_s,
            chance=self._chance(),
        )
        if due is None:
            detail = f"Given up after {claimed.tries} attempts. The last one: {error}"
            return _Result(AttemptOutcome.PERMANENT, GaveUp.reason, detail, error.status_code)
        return _Result(AttemptOutcome.RETRY, error.reason, str(error), error.status_code, due)

    def _conclude(
        self, claimed: ClaimedDelivery, message: Message, result: _Result, *, duration_ms: int
    ) -> None:
        now = self._clock()
        with self._database.transaction() as session:
            ours = deliveries.record_outcome(
                session,
                claimed,
                outcome=result.outcome,
                reason=result.reason,
                detail=result.detail,
                status_code=result.status_code,
                next_attempt_at=result.next_attempt_at,
                duration_ms=duration_ms,
                now=now,
            )
            if ours:
                self._note_channel(session, claimed, message, result, now=now)
        log.info(
            "An attempt to deliver ended.",
            action="delivery_attempt",
            delivery=claimed.delivery_id,
            alert=claimed.alert_id,
            revision=claimed.revision,
            channel=claimed.channel,
            attempt=claimed.attempt,
            outcome=result.outcome.value,
            reason=result.reason,
            stale=not ours,
        )

    def _note_channel(
        self, session: Session, claimed: ClaimedDelivery, message: Message, result: _Result, *, now: datetime
    ) -> None:
        """What the attempt says of its channel. A failed test kills none: whoever asked for it is told on the
        spot.
        """
        ok = result.outcome is AttemptOutcome.SENT
        if (message.kind is AlertKind.TEST and not ok) or result.reason == ChannelRemoved.reason:
            return
        transition = deliveries.record_channel_result(
            session,
            claimed.channel,
            transport=claimed.transport,
            ok=ok,
            permanent=result.outcome is AttemptOutcome.PERMANENT,
            reason=result.reason,
            dead_after=self._settings.retry.dead_after,
            now=now,
        )
        if transition is None:
            return
        metrics.DEAD_CHANNELS.labels(claimed.channel).set(transition.after is ChannelState.DEAD)
        channel_health.report(
            session,
            self._outbox,
            transition=transition,
            why=result.detail or "",
            delivery_id=claimed.delivery_id,
            now=now,
        )
