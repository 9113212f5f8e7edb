"""What a transport gets and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from alerts.message import Message


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message for one attempt: its key is the same at every attempt, `at` is the time of this one.

    `accepted`: digests of the recipients that got it by an earlier attempt.
    """

    message: Message
    idempotency_key: str
    at: datetime
    accepted: frozenset[str] = frozenset()

    def digest_of(self, recipient: str) -> str:
        """Return what a row may hold of a recipient: it differs from delivery to delivery."""
        return sha256(f"{self.idempotency_key} {recipient}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The receiver accepted the message. `detail` says what was unusual about it; None: nothing."""

    status_code: int
    detail: str | None = None
    reason: str | None = None
