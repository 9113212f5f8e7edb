"""What a transport gets and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.message import Message


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message for one attempt: its key is the same at every attempt, `at` is the time of this one."""

    message: Message
    idempotency_key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The receiver accepted the message. `detail` says what was unusual about it; None: nothing."""

    status_code: int
    detail: str | None = None
    reason: str | None = None
