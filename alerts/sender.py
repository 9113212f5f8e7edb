"""Delivery: the handler that sends one message through one channel, at least once.

1. Claim the delivery by a conditional update and write the row of this attempt. If another worker has claimed
   the delivery, the handler ends here.
2. Send the message, outside of every transaction.
3. In one transaction, record the outcome (sent; another attempt at a certain time; or failed, with the
   reason) and what it means for the channel. The claim's epoch keeps a late worker from overwriting a newer
   claim.

If the database fails at 3, the outcome is kept in memory and written when that is possible again. A process
that dies between 1 and 3 leaves an attempt without an outcome. The
attempt becomes `interrupted` and the delivery is due again: at the next start by
`storage.deliveries.recover_deliveries`, in a running daemon when `storage.deliveries.SEND_LEASE` is over. The
receiver may then get the message twice, with the same idempotency key (webhook-id, Message-ID). No message is
lost, and none is sent under two keys.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat

import structlog
from sqlalchemy.orm import Session

from alerts import metrics
from alerts.channel_health import channel_revision
from alerts.errors import ChannelRemoved, DeliveryError, GaveUp, UnexpectedError
from alerts.message import Message, message_of
from alerts.outbox import Outbox
from alerts.retry import next_attempt
from alerts.settings import AlertsSettings, Channel
from alerts.transports import send
from alerts.transports.interface import OutgoingMessage, SendReceipt
from storage import alerts as rows
from storage import deliveries
from storage.alerts import Alert, AlertKind
from storage.database.base import Database
from storage.deliveries import AttemptOutcome, ChannelState, ClaimedDelivery
from storage.errors import StorageError
from storage.work import ClaimHolder, Dispatcher, NoNode

log = structlog.get_logger(__name__)

#: Seconds between attempts to record an outcome while the database cannot be written; then the last of them.
RECORD_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True, slots=True)
class _AttemptResult:
    """How an attempt ended, as its row records it."""

    outcome: AttemptOutcome
    reason: str | None
    detail: str | None
    status_code: int | None
    next_attempt_at: datetime | None = None
    accepted: frozenset[str] = frozenset()


class DeliveryService:
    """Sends what the outbox holds. Threads may share one instance: it keeps no state between deliveries."""

    def __init__(
        self,
        *,
        database: Database,
        settings: AlertsSettings,
        dispatcher: Dispatcher,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        wait: Callable[[float], object] = time.sleep,
        holder: ClaimHolder | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._outbox = Outbox(settings, dispatcher)
        self._clock = clock
        self._chance = chance
        self._wait = wait
        self._holder = holder or NoNode()

    def deliver(self, delivery_id: int) -> None:
        """Make one attempt, if the delivery is due and nobody has claimed it. Handler of WorkKind.DELIVER."""
        with self._database.transaction() as session:
            claimed = deliveries.claim_delivery(
                session, delivery_id, now=self._clock(), node_id=self._holder.node_id
            )
            message = self._load_message(session, claimed) if claimed else None
        if claimed is None or message is None:
            return
        started = time.monotonic()
        result = self._attempt(claimed, message)
        elapsed_s = time.monotonic() - started
        metrics.DELIVERIES.labels(claimed.transport, result.outcome.value).inc()
        metrics.DELIVERY_SECONDS.labels(claimed.transport).observe(elapsed_s)
        self._record_patiently(claimed, message, result, duration_ms=round(elapsed_s * 1000))

    def _record_patiently(
        self, claimed: ClaimedDelivery, message: Message, result: _AttemptResult, *, duration_ms: int
    ) -> None:
        """Record the result; while that fails, keep it and try again, because the message may have arrived.

        If the process ends before, the message is sent again with the same key. An error that does not go
        away by itself is raised after the waits of RECORD_AGAIN_S.
        """
        for number, wait_s in enumerate(chain(RECORD_AGAIN_S, repeat(RECORD_AGAIN_S[-1]))):
            try:
                self._record_result(claimed, message, result, duration_ms=duration_ms)
                return
            except StorageError as error:
                if error.permanent and number >= len(RECORD_AGAIN_S):
                    raise
                write = log.warning if number == 0 else log.debug
                write(
                    "The outcome of a delivery attempt cannot be written. It is kept and written as soon as "
                    "that is possible. If the daemon ends before, the message is sent again with the same "
                    "key.",
                    action="delivery_unrecorded",
                    delivery=claimed.delivery_id,
                    channel=claimed.channel,
                    outcome=result.outcome.value,
                    reason=error.reason,
                )
            self._wait(wait_s)

    def _load_message(self, session: Session, claimed: ClaimedDelivery) -> Message:
        """Alert and revision were written together with the delivery: NoResultFound means a damaged
        database.
        """
        alert = session.get_one(Alert, claimed.alert_id)
        revision = rows.revision_by_number(session, claimed.alert_id, claimed.revision)
        return message_of(alert, revision, installation=self._settings.installation)

    def _attempt(self, claimed: ClaimedDelivery, message: Message) -> _AttemptResult:
        try:
            receipt = self._send(claimed, message)
        except DeliveryError as error:
            return self._failure_result(claimed, message, error)
        except Exception as error:
            log.exception(
                "A delivery attempt failed with an unexpected error.",
                action="delivery_unexpected",
                delivery=claimed.delivery_id,
                channel=claimed.channel,
            )
            unexpected = UnexpectedError(f"{type(error).__name__}; the log has the traceback.")
            return self._failure_result(claimed, message, unexpected)
        return _AttemptResult(AttemptOutcome.SENT, receipt.reason, receipt.detail, receipt.status_code)

    def _send(self, claimed: ClaimedDelivery, message: Message) -> SendReceipt:
        channel: Channel | None = self._settings.channels.get(claimed.channel)
        if channel is None or not channel.enabled:
            raise ChannelRemoved(
                f"The channel {claimed.channel} is no longer in the configuration, or is disabled. If this "
                "message should still be sent, restore the channel and run "
                f"`spillwatch alerts retry --channel {claimed.channel}`."
            )
        outgoing = OutgoingMessage(message, claimed.idempotency_key, self._clock(), claimed.accepted)
        return send(channel, outgoing)

    def _failure_result(
        self, claimed: ClaimedDelivery, message: Message, error: DeliveryError
    ) -> _AttemptResult:
        # A test is not repeated: the person who asked for it is looking at its outcome now.
        if error.permanent or message.kind is AlertKind.TEST:
            return _AttemptResult(
                AttemptOutcome.PERMANENT,
                error.reason,
                str(error),
                error.status_code,
                accepted=error.accepted,
            )
        due = next_attempt(
            self._settings.retry,
            attempt=claimed.tries,
            began=claimed.since,
            now=self._clock(),
            retry_after_s=error.retry_after_s,
            chance=self._chance(),
        )
        if due is None:
            detail = f"Gave up after {claimed.tries} attempts. The last one: {error}"
            return _AttemptResult(
                AttemptOutcome.PERMANENT, GaveUp.reason, detail, error.status_code, accepted=error.accepted
            )
        return _AttemptResult(
            AttemptOutcome.RETRY, error.reason, str(error), error.status_code, due, error.accepted
        )

    def _record_result(
        self, claimed: ClaimedDelivery, message: Message, result: _AttemptResult, *, duration_ms: int
    ) -> None:
        now = self._clock()
        with self._database.transaction() as session:
            recorded = deliveries.record_outcome(
                session,
                claimed,
                outcome=result.outcome,
                reason=result.reason,
                detail=result.detail,
                status_code=result.status_code,
                next_attempt_at=result.next_attempt_at,
                duration_ms=duration_ms,
                accepted=result.accepted,
                now=now,
            )
            if recorded:
                self._record_channel_result(session, claimed, message, result, now=now)
        log.info(
            "A delivery attempt ended.",
            action="delivery_attempt",
            delivery=claimed.delivery_id,
            alert=claimed.alert_id,
            revision=claimed.revision,
            channel=claimed.channel,
            attempt=claimed.attempt,
            outcome=result.outcome.value,
            reason=result.reason,
            stale=not recorded,
        )

    def _record_channel_result(
        self,
        session: Session,
        claimed: ClaimedDelivery,
        message: Message,
        result: _AttemptResult,
        *,
        now: datetime,
    ) -> None:
        """Count the result for the channel, and write an alert if the channel died or came back by it.

        A failed test does not count: the person who asked for it sees the outcome at once.
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
        draft = channel_revision(
            session,
            transition,
            self._settings.severity,
            detail=result.detail or "",
            delivery_id=claimed.delivery_id,
        )
        if draft is not None:
            self._outbox.write(session, draft, now=now)
