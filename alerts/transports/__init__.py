"""The ways out for a message: one module per transport.

A transport is a function of a channel and an outgoing message. It returns a `SendReceipt` if the receiver
accepted the message, and raises DeliveryError otherwise. Its caller waits for it, for a limited time, and it
opens and closes a connection of its own: alerts are rare, and a connection that is kept open may be dead when
it is needed.
"""

from __future__ import annotations

from alerts.settings import AppriseChannel, Channel, EmailChannel
from alerts.transports.apprise import send_apprise
from alerts.transports.email import send_email
from alerts.transports.interface import OutgoingMessage, SendReceipt
from alerts.transports.webhook import send_webhook


def send(channel: Channel, outgoing: OutgoingMessage) -> SendReceipt:
    """Send one message through one channel."""
    if isinstance(channel, EmailChannel):
        return send_email(channel, outgoing)
    if isinstance(channel, AppriseChannel):
        return send_apprise(channel, outgoing)
    return send_webhook(channel, outgoing)
