"""When a channel gets a message: at once, after its quiet hours, within its rate, or in its next digest.

What is held back is a delivery like any other, with the reason and the time at which it is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.settings import BaseChannel, ChannelQuietHours
from storage.alerts import AlertKind, Severity
from storage.deliveries import HeldFor

HOUR = timedelta(hours=1)
#: Alerts about Spillwatch itself are few, and somebody has to act on them; tests are waited for.
HELD_KINDS = frozenset({AlertKind.FINDING, AlertKind.SOURCE})


@dataclass(frozen=True, slots=True)
class SendTime:
    """`held_for` is None if the message is sent at once."""

    at: datetime
    held_for: HeldFor | None = None


def send_time(
    channel: BaseChannel,
    kind: AlertKind,
    severity: Severity,
    *,
    zone: ZoneInfo,
    now: datetime,
    rate_free_at: datetime | None,
) -> SendTime:
    """Return when a message is due. `rate_free_at`: when the channel's rate admits another one; None: now."""
    if kind not in HELD_KINDS or severity.rank >= channel.urgent.rank:
        return SendTime(now)
    if channel.digest is not None:
        at = next_hour(now, zone) if channel.digest == "hour" else next_time(now, channel.digest_at, zone)
        return SendTime(at, HeldFor.DIGEST)
    wanted = SendTime(now)
    if rate_free_at is not None and rate_free_at > now:
        wanted = SendTime(rate_free_at, HeldFor.RATE)
    if channel.quiet_hours is not None and (end := quiet_until(channel.quiet_hours, wanted.at, zone)):
        return SendTime(end, HeldFor.QUIET_HOURS)
    return wanted


def quiet_until(quiet: ChannelQuietHours, at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the end of the quiet hours in which a time lies; None: in none."""
    local = at.astimezone(zone)
    begins = _last(local, quiet.begin)
    ends = begins.replace(hour=quiet.end.hour, minute=quiet.end.minute)
    if ends <= begins:
        ends += timedelta(days=1)
    return ends.astimezone(at.tzinfo) if begins <= local < ends else None


def next_hour(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next full hour of a zone's clock."""
    local = now.astimezone(zone) + HOUR
    return local.replace(minute=0, second=0, microsecond=0).astimezone(now.tzinfo)


def next_time(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return when a zone's clock next shows a time."""
    last = _last(now.astimezone(zone), at)
    return (last + timedelta(days=1)).astimezone(now.tzinfo)


def _last(local: datetime, at: time) -> datetime:
    """Return when the clock last showed a time: now, or before."""
    today = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today <= local else today - timedelta(days=1)
