"""When a failed attempt is made again: exponential backoff with jitter, and the receiver's Retry-After."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.settings import RetrySettings

JITTER = 0.25  # share of the delay that chance may take off, so that a herd of deliveries spreads out
RETRY_AFTER_MAX_S = 6 * 3600.0  # what a receiver may ask for; more would be a way to silence us
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
    """When to try again after attempt number `attempt` (from 1), or None if the attempts or the time are used
    up; `began` is when the first attempt did.

    `chance` is a number from 0 to 1. Retry-After can only make the wait longer.
    """
    if attempt >= settings.attempts:
        return None
    backoff = min(settings.max_s, settings.base_s * 2 ** min(attempt - 1, DOUBLINGS_MAX)) * (
        1 - JITTER * chance
    )
    asked = min(retry_after_s or 0.0, RETRY_AFTER_MAX_S)
    due = now + timedelta(seconds=max(backoff, asked))
    last = began + timedelta(seconds=settings.give_up_after_s)
    return due if due <= last else None
