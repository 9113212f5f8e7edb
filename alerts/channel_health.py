"""A channel that delivers nothing is itself an alert, on the other channels; so is its coming back.

One death, one message: the storage says only once that a channel died, until it delivered again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from alerts.dedupe import Judged, channel_key
from alerts.message import Difference, MessageContent
from alerts.outbox import About, Outbox
from alerts.rules import Said
from alerts.severity import Signal
from storage import alerts as rows
from storage.alerts import AlertChange, AlertKind, TriageState
from storage.deliveries import ChannelState, ChannelTransition

NEXT_STEPS = (
    "Read why: spillwatch alerts deliveries --channel {name}",
    "Mend the channel's settings or its receiver, then try: spillwatch alerts test",
    "Send again what failed for good: spillwatch alerts retry --channel {name}",
)


def report(
    session: Session,
    outbox: Outbox,
    *,
    transition: ChannelTransition,
    why: str,
    delivery_id: int,
    now: datetime,
) -> None:
    """Write the alert that a channel died (because of this delivery), or the update that it is back."""
    if transition.after is ChannelState.DEAD:
        _died(session, outbox, channel=transition.channel, why=why, delivery_id=delivery_id, now=now)
    elif transition.before is ChannelState.DEAD:
        _back(session, outbox, channel=transition.channel, now=now)


def _died(
    session: Session, outbox: Outbox, *, channel: str, why: str, delivery_id: int, now: datetime
) -> None:
    severity = outbox.settings.severity
    signal = severity.signal("channel_dead", Said(None, f"The last attempt: {why}"))
    content = MessageContent(
        title=f"Channel {channel} delivers nothing",
        summary=(
            f"Alerts do not arrive through the channel {channel}. What waits for it is tried again where "
            "that can help, and no alert is lost; but whoever relies on this channel hears nothing meanwhile."
        ),
        next_steps=tuple(step.format(name=channel) for step in NEXT_STEPS),
    )
    about = About(key=channel_key(channel, delivery_id), kind=AlertKind.CHANNEL, channel=channel)
    judged = Judged(severity.of(signal.weight), (signal,))
    outbox.write(session, about, change=AlertChange.OPENED, judged=judged, content=content, now=now)


def _back(session: Session, outbox: Outbox, *, channel: str, now: datetime) -> None:
    alert = rows.lock_open_alert(session, AlertKind.CHANNEL, key_prefix=channel_key(channel, ""))
    if alert is None:
        return
    signals = tuple(
        Signal.model_validate(signal) for signal in rows.revisions_of(session, alert.id)[-1].signals
    )
    content = MessageContent(
        title=f"Channel {channel} delivers again",
        state=TriageState.RESOLVED,
        summary=f"A message went through the channel {channel} again. What waited for it follows.",
        changes=(Difference(field="state", before="delivers nothing", after="delivers"),),
        next_steps=(
            f"Look for what failed for good meanwhile: spillwatch alerts deliveries --channel {channel} "
            "--state failed",
            f"Send it again: spillwatch alerts retry --channel {channel}",
        ),
    )
    about = About(key=alert.dedupe_key, kind=AlertKind.CHANNEL, channel=channel)
    judged = Judged(alert.severity, signals)
    outbox.write(session, about, change=AlertChange.RESOLVED, judged=judged, content=content, now=now)
