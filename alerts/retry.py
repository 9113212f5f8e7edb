"""When a failed attempt is repeated: exponential backoff with jitter, and the receiver's Retry-After."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.settings import RetrySettings

JITTER = 0.25  # largest share that chance takes off a wait, so that many deliveries do not come back at once
RETRY_AFTER_MAX_S = 6 * 3600.0  # the longest wait that a receiver gets; a longer one would silence us
DOUBLINGS_MAX = 32  # keeps 2**n a small number


def next_attempt(
    settings: RetrySettings,
    *,
    attempt: int,
    began: datetime,
    now: datetime,
    retry_after_s: float | None,
    chance: float,
) -> datetime | None:
    """Return when to try again after attempt number `attempt` (from 1); None: attempts or time are used up.

    `began` is when the first attempt began. `chance` is a number from 0 to 1. Retry-After can only make the
    wait longer.
    """
    if attempt >= settings.attempts:
        return None
    doubled = min(settings.max_s, settings.base_s * 2 ** min(attempt - 1, DOUBLINGS_MAX))
    backoff = doubled * (1 - JITTER * chance)
    requested = min(retry_after_s or 0.0, RETRY_AFTER_MAX_S)
    due = now + timedelta(seconds=max(backoff, requested))
    last = began + timedelta(seconds=settings.give_up_after_s)
    return due if due <= last else None
