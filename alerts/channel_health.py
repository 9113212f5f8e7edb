"""Alerts about a channel that does not deliver: sent through the other channels, and once more when it is
back.

There is one message per failure of a channel: storage reports the transition to dead only once, until the
channel has delivered again.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from alerts.message import Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from storage import alerts as rows
from storage.alerts import AlertChange, AlertKind, TriageState
from storage.deliveries import ChannelState, ChannelTransition


def channel_key(channel: str, delivery_id: int) -> str:
    """Return the dedupe key of one failure of a channel; `delivery_id` is the delivery that found it dead."""
    return f"{_channel_prefix(channel)}{delivery_id}"


def channel_revision(
    session: Session,
    transition: ChannelTransition,
    severity: SeveritySettings,
    *,
    detail: str,
    delivery_id: int,
) -> RevisionDraft | None:
    """Return the alert that a channel died, or the revision that it is back; None: nothing to report.

    `detail` says how the attempt of the delivery `delivery_id` ended.
    """
    channel = transition.channel
    if transition.after is ChannelState.DEAD:
        return _death_revision(channel, severity, detail=detail, delivery_id=delivery_id)
    if transition.before is ChannelState.DEAD:
        return _recovery_revision(session, channel)
    return None


def _death_revision(
    channel: str, severity: SeveritySettings, *, detail: str, delivery_id: int
) -> RevisionDraft:
    content = MessageContent(
        title=f"Channel {channel} does not deliver",
        summary=(
            f"Alerts do not arrive through the channel {channel}. No alert is lost: pending deliveries are "
            "tried again if that can help. But the people who rely on this channel learn nothing in the "
            "meantime."
        ),
        next_steps=(
            f"Find the reason: spillwatch alerts deliveries --channel {channel}",
            "Correct the channel's settings or its receiver, then try it: spillwatch alerts test",
            f"Send the failed deliveries again: spillwatch alerts retry --channel {channel}",
        ),
    )
    subject = AlertSubject(
        dedupe_key=channel_key(channel, delivery_id), kind=AlertKind.CHANNEL, channel=channel
    )
    observation = Observation(None, f"The last attempt: {detail}")
    judgement = severity.judge_observation("channel_dead", observation)
    return RevisionDraft(subject, AlertChange.OPENED, judgement, content)


def _recovery_revision(session: Session, channel: str) -> RevisionDraft | None:
    alert = rows.lock_open_alert(session, AlertKind.CHANNEL, key_prefix=_channel_prefix(channel))
    if alert is None:
        return None
    content = MessageContent(
        title=f"Channel {channel} delivers again",
        state=TriageState.RESOLVED,
        summary=f"A message went through the channel {channel} again. Its pending deliveries follow.",
        changes=(Difference(field="state", before="does not deliver", after="delivers"),),
        next_steps=(
            f"See what failed in the meantime: spillwatch alerts deliveries --channel {channel} --state "
            "failed",
            f"Send it again: spillwatch alerts retry --channel {channel}",
        ),
    )
    subject = AlertSubject(dedupe_key=alert.dedupe_key, kind=AlertKind.CHANNEL, channel=channel)
    judgement = judgement_of(rows.last_revision(session, alert))
    return RevisionDraft(subject, AlertChange.RESOLVED, judgement, content)


def _channel_prefix(channel: str) -> str:
    return f"channel:{channel}:"
