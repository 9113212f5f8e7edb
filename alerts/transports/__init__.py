"""The ways out for an alert: one module a transport, each a function of a channel and one attempt.

A transport raises DeliveryError where it failed, and returns `Sent` where the receiver took the message. Each
is synchronous for its caller, bounded in time as a whole, and opens and closes its own connection: alerts are
rare, and a connection that is kept is one more thing that can be dead.
"""

from __future__ import annotations

from alerts.settings import EmailChannel, WebhookChannel
from alerts.transports.email import send_email
from alerts.transports.sent import Outgoing, Sent
from alerts.transports.webhook import send_webhook


def send(channel: EmailChannel | WebhookChannel, outgoing: Outgoing) -> Sent:
    """Send one message through one channel."""
    if isinstance(channel, EmailChannel):
        return send_email(channel, outgoing)
    return send_webhook(channel, outgoing)
