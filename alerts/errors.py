"""Errors of alerting.

SpillwatchError (storage.errors)
└── AlertsError
    ├── NoSuchAlert, NoSuchChannel       what a command was asked about is not there
    └── DeliveryError                    one attempt to send failed; `permanent` says whether another may help
        ├── NameNotResolved              another attempt may help
        ├── ConnectionFailed
        ├── ConnectionDropped
        ├── DeliveryTimedOut
        ├── TemporarilyRefused           SMTP 4xx; HTTP 408, 409, 425, 429, 5xx
        ├── UnexpectedError              a defect of ours or a reply nobody foresaw
        ├── TlsNotVerified               no other attempt is made
        ├── TlsNotOffered
        ├── AuthenticationRefused
        ├── SenderRefused
        ├── RecipientRefused
        ├── MessageRefused               SMTP 5xx to the message; HTTP 4xx
        ├── ReceiverGone                 HTTP 410
        ├── RedirectRefused
        ├── PrivateAddressRefused
        ├── ChannelRemoved
        └── GaveUp                       attempts or time used up

A message names hosts, ports and codes; never an address of a person, a secret, a URL's path or the alert's
text.
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError


class AlertsError(SpillwatchError):
    """Alerting could not do this."""

    reason = "alerts_error"


class NoSuchAlert(AlertsError):
    """There is no alert of this number. `spillwatch alerts list` shows which there are."""

    reason = "no_such_alert"


class NoSuchChannel(AlertsError):
    """There is no channel of this name under [alerts.channels]."""

    reason = "no_such_channel"


class DeliveryError(AlertsError):
    """The message was not delivered.

    `status_code` is what the receiver answered (SMTP or HTTP), `retry_after_s` how long it asked us to wait.
    """

    reason = "delivery_failed"
    permanent: ClassVar[bool] = True

    def __init__(
        self, message: str, *, status_code: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.retry_after_s = retry_after_s


class NameNotResolved(DeliveryError):
    """The name of the server has no address."""

    reason = "name_not_resolved"
    permanent = False


class ConnectionFailed(DeliveryError):
    """No connection to the server."""

    reason = "connection_failed"
    permanent = False


class ConnectionDropped(DeliveryError):
    """The server hung up before it said whether it took the message."""

    reason = "connection_dropped"
    permanent = False


class DeliveryTimedOut(DeliveryError):
    """The whole attempt took longer than the channel's timeout_s."""

    reason = "delivery_timed_out"
    permanent = False


class TemporarilyRefused(DeliveryError):
    """The server asks to come back later."""

    reason = "temporarily_refused"
    permanent = False


class UnexpectedError(DeliveryError):
    """Something nobody foresaw; the log has the traceback."""

    reason = "unexpected_error"
    permanent = False


class TlsNotVerified(DeliveryError):
    """The server's certificate is not one we trust for its name."""

    reason = "tls_not_verified"


class TlsNotOffered(DeliveryError):
    """The server offers no STARTTLS, and nothing is sent in the clear unasked."""

    reason = "tls_not_offered"


class AuthenticationRefused(DeliveryError):
    """The server refused the user name or the password."""

    reason = "authentication_refused"


class SenderRefused(DeliveryError):
    """The server refused the address in `from`."""

    reason = "sender_refused"


class RecipientRefused(DeliveryError):
    """The server refused every recipient."""

    reason = "recipient_refused"


class MessageRefused(DeliveryError):
    """The receiver understood the message and does not want it."""

    reason = "message_refused"


class ReceiverGone(DeliveryError):
    """The webhook answered 410: it is there no longer."""

    reason = "receiver_gone"


class RedirectRefused(DeliveryError):
    """The webhook answered with a redirect, which is never followed."""

    reason = "redirect_refused"


class PrivateAddressRefused(DeliveryError):
    """The webhook's host resolves to an address that is not public."""

    reason = "private_address_refused"


class ChannelRemoved(DeliveryError):
    """The channel is no longer in the configuration."""

    reason = "channel_removed"


class GaveUp(DeliveryError):
    """The attempts, or the time, for this delivery are used up."""

    reason = "gave_up"
