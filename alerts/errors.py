"""Errors of alerting.

SpillwatchError (storage.errors)
└── AlertsError
    ├── NoSuchAlert, NoSuchChannel       a command was given a number or a name that does not exist
    └── DeliveryError                    an attempt to send failed; `permanent`: no other is made
        ├── NameNotResolved              another attempt may succeed
        ├── ConnectionFailed
        ├── ConnectionDropped
        ├── DeliveryTimedOut
        ├── TemporarilyRefused           SMTP 4xx; HTTP 408, 409, 425, 429, 5xx
        ├── ProxyNotReached, ProxyAnsweredFailure, ProxyDeniedReceiver    the outgoing proxy
        ├── AppriseFailed
        ├── UnexpectedError              a bug, or a reply that the code does not know
        ├── TlsNotVerified               no other attempt is made
        ├── TlsNotOffered
        ├── AuthorityUnreadable
        ├── AuthenticationRefused
        ├── ProxyWantsLogin
        ├── AppriseMissing, AppriseUrlRefused
        ├── SenderRefused
        ├── RecipientRefused
        ├── MessageRefused               SMTP 5xx to the message; HTTP 4xx
        ├── ReceiverGone                 HTTP 410
        ├── RedirectRefused
        ├── PrivateAddressRefused
        ├── ChannelRemoved
        └── GaveUp                       attempts or time used up

A message names hosts, ports and codes. It never contains a person's address, a secret, a URL's path or the
alert's text.
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError


class AlertsError(SpillwatchError):
    """Alerting failed."""

    reason = "alerts_error"


class NoSuchAlert(AlertsError):
    """There is no alert with this number. `spillwatch alerts list` shows all alerts."""

    reason = "no_such_alert"


class NoSuchChannel(AlertsError):
    """There is no channel with this name under [alerts.channels]."""

    reason = "no_such_channel"


class DeliveryError(AlertsError):
    """The message was not delivered.

    `status_code` is the receiver's answer (SMTP or HTTP), `retry_after_s` the wait that it asked for, and
    `accepted` has digests of the recipients that have the message although the attempt failed.
    """

    reason = "delivery_failed"
    permanent: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        retry_after_s: float | None = None,
        accepted: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.retry_after_s = retry_after_s
        self.accepted = accepted


class NameNotResolved(DeliveryError):
    """The server's name has no address."""

    reason = "name_not_resolved"
    permanent = False


class ConnectionFailed(DeliveryError):
    """No connection to the server could be made."""

    reason = "connection_failed"
    permanent = False


class ConnectionDropped(DeliveryError):
    """The server closed the connection before it said whether it accepted the message."""

    reason = "connection_dropped"
    permanent = False


class DeliveryTimedOut(DeliveryError):
    """The whole attempt took longer than the channel's timeout_s."""

    reason = "delivery_timed_out"
    permanent = False


class TemporarilyRefused(DeliveryError):
    """The server asked to try again later."""

    reason = "temporarily_refused"
    permanent = False


class ProxyNotReached(DeliveryError):
    """The outgoing proxy does not accept connections."""

    reason = "proxy_unreachable"
    permanent = False


class ProxyAnsweredFailure(DeliveryError):
    """The outgoing proxy could not reach the receiver, or has trouble of its own."""

    reason = "proxy_failed"
    permanent = False


class ProxyDeniedReceiver(DeliveryError):
    """The outgoing proxy does not allow connections to the receiver."""

    reason = "proxy_refused"
    permanent = False


class ProxyWantsLogin(DeliveryError):
    """The outgoing proxy wants another login."""

    reason = "proxy_login_refused"


class AppriseFailed(DeliveryError):
    """A service did not take the message, and Apprise gives no reason."""

    reason = "apprise_failed"
    permanent = False


class AppriseMissing(DeliveryError):
    """Apprise is not installed: pip install 'spillwatch[apprise]', then `spillwatch alerts test`."""

    reason = "apprise_missing"


class AppriseUrlRefused(DeliveryError):
    """Apprise does not accept the channel's url."""

    reason = "apprise_url_refused"


class UnexpectedError(DeliveryError):
    """The attempt failed in an unexpected way; the log has the traceback."""

    reason = "unexpected_error"
    permanent = False


class TlsNotVerified(DeliveryError):
    """The server's certificate is not trusted, or is for another name."""

    reason = "tls_not_verified"


class TlsNotOffered(DeliveryError):
    """The server does not offer STARTTLS, and nothing is sent unencrypted unless security is "none"."""

    reason = "tls_not_offered"


class AuthorityUnreadable(DeliveryError):
    """The file in ca_file cannot be read as PEM certificates."""

    reason = "authority_unreadable"


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
    """The receiver understood the message and refused it."""

    reason = "message_refused"


class ReceiverGone(DeliveryError):
    """The webhook answered 410: it no longer exists."""

    reason = "receiver_gone"


class RedirectRefused(DeliveryError):
    """The webhook answered with a redirect, which is never followed."""

    reason = "redirect_refused"


class PrivateAddressRefused(DeliveryError):
    """The webhook's host resolves to an address that is not public."""

    reason = "private_address_refused"


class ChannelRemoved(DeliveryError):
    """The channel is no longer in the configuration, or is disabled."""

    reason = "channel_removed"


class GaveUp(DeliveryError):
    """The attempts or the time for this delivery are used up."""

    reason = "gave_up"
