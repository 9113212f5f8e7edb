"""What goes into a transport and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.message import Message


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt: the message, the key that stays the same over all attempts, and the time of this one."""

    message: Message
    idempotency_key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver took it. `detail` says what was odd about it, None where nothing was."""

    status_code: int
    detail: str | None = None
    reason: str | None = None
