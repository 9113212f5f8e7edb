"""E-mail over SMTP (aiosmtplib): verified TLS, authentication, and one time limit for the whole attempt.

The server's answers: 4xx means "later", 5xx means "no" (RFC 5321, 4.2.1). If the server accepts some
recipients and refuses others permanently, the message counts as sent and the attempt says how many were
refused. If it defers some recipients, the message is sent to those again later, with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse

from alerts.clean import one_line
from alerts.errors import (
    AuthenticationRefused,
    ConnectionDropped,
    ConnectionFailed,
    DeliveryError,
    DeliveryTimedOut,
    MessageRefused,
    NameNotResolved,
    RecipientRefused,
    SenderRefused,
    TemporarilyRefused,
    TlsNotOffered,
)
from alerts.settings import PORTS, EmailChannel
from alerts.transports.attempt_loop import run_attempt
from alerts.transports.email_message import email_of
from alerts.transports.interface import OutgoingMessage, SendReceipt
from alerts.transports.oauth2 import request_access_token
from alerts.transports.tls import causes, certificate_error, context_for

QUIT_S = 2.0  # for QUIT, which changes nothing: the server has the message by then
ANSWER_CHARS = 160  # of the server's text in our message
_PRIVATE = re.compile(r"\S*@\S*|\d{7,}")  # a server's text may repeat an address or a number


def send_email(channel: EmailChannel, outgoing: OutgoingMessage) -> SendReceipt:
    """Send one message; raises DeliveryError."""
    return run_attempt(_send(channel, outgoing, context_for(channel.ca_file)))


async def _send(channel: EmailChannel, outgoing: OutgoingMessage, context: ssl.SSLContext) -> SendReceipt:
    client = SMTP(
        hostname=channel.host,
        port=_port(channel),
        local_hostname=channel.domain,
        timeout=channel.timeout_s,
        use_tls=channel.security == "tls",
        start_tls=channel.security == "starttls",
        tls_context=context,
    )
    mail = email_of(outgoing.message, channel, idempotency_key=outgoing.idempotency_key)
    waiting = [address for address in channel.to if outgoing.digest_of(address) not in outgoing.accepted]
    if not waiting:
        return SendReceipt(250)
    try:
        async with asyncio.timeout(channel.timeout_s):
            token = await _access_token(channel)
            await client.connect()
            if channel.username is not None and token is not None:
                await client.auth_xoauth2(channel.username, token)
            elif channel.username is not None and channel.password is not None:
                await client.login(channel.username, channel.password.get_secret_value())
            refused, _ = await client.send_message(mail, recipients=waiting)
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = {one.recipient: SMTPResponse(one.code, one.message) for one in error.recipients}
        if len(waiting) == len(channel.to):  # nobody has the message
            raise _delivery_error(error, channel) from error
        return _receipt(refused, channel, outgoing, waiting)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _delivery_error(error, channel) from error
    else:
        return _receipt(refused, channel, outgoing, waiting)
    finally:
        await _disconnect(client)


async def _access_token(channel: EmailChannel) -> str | None:
    if channel.oauth2 is None:
        return None
    return await request_access_token(channel.oauth2, ca_file=channel.ca_file, timeout_s=channel.timeout_s)


async def _disconnect(client: SMTP) -> None:
    """Say QUIT if the connection is open, and close it in any case."""
    try:
        if client.is_connected:
            await client.quit(timeout=QUIT_S)
    except (aiosmtplib.SMTPException, OSError):
        return  # whether the message was accepted is known; how the connection ends does not change it
    finally:
        client.close()


def _receipt(
    refused: dict[str, SMTPResponse], channel: EmailChannel, outgoing: OutgoingMessage, waiting: Sequence[str]
) -> SendReceipt:
    """Return the receipt of a message that some recipients have, apart from the `refused` ones.

    Raises TemporarilyRefused if the server deferred some of them; the error says who has the message.
    """
    if not refused:
        return SendReceipt(250)
    codes = sorted({answer.code for answer in refused.values()})
    listed = ", ".join(map(str, codes))
    count = f"{len(refused)} of {len(channel.to)} recipients"
    if any(code < 500 for code in codes):
        accepted = frozenset(outgoing.digest_of(address) for address in waiting if address not in refused)
        raise TemporarilyRefused(
            f"The mail server deferred {count} ({listed}). The others have the message; Spillwatch tries "
            "again for these.",
            status_code=codes[0],
            accepted=accepted,
        )
    return SendReceipt(
        250,
        detail=f"The mail server refused {count} ({listed}) and accepted the message for the others. "
        "Correct the addresses in `to`.",
        reason=RecipientRefused.reason,
    )


def _port(channel: EmailChannel) -> int:
    return channel.port or PORTS[channel.security]


def _delivery_error(error: Exception, channel: EmailChannel) -> DeliveryError:
    """Return our error for an error of the library."""
    where = f"{channel.host}:{_port(channel)}"
    if unverified := certificate_error(error, host=channel.host):
        return unverified
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        # One that is deferred may be accepted later, whatever the server says of the others.
        first = min(error.recipients, key=lambda one: one.code)
        return _refusal(first, where, RecipientRefused, "every recipient", "Correct the addresses in `to`.")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if demand := _demand(error, where, channel):
            return demand
        return _refusal(error, where, *_REFUSALS.get(type(error), _REFUSALS[aiosmtplib.SMTPDataError]))
    if isinstance(error, TimeoutError):
        return DeliveryTimedOut(
            f"The mail server {where} did not finish within {channel.timeout_s:g} s. Spillwatch tries again."
        )
    return _connection_error(error, where)


_REFUSALS: dict[type[Exception], tuple[type[DeliveryError], str, str]] = {
    aiosmtplib.SMTPAuthenticationError: (
        AuthenticationRefused,
        "the user name or the password",
        "Correct username and password, then run `spillwatch alerts test`.",
    ),
    aiosmtplib.SMTPSenderRefused: (SenderRefused, "the sender", "Correct `from`."),
    aiosmtplib.SMTPDataError: (MessageRefused, "the message", "Ask the server's operator for the reason."),
}


def _demand(
    error: aiosmtplib.SMTPResponseException, where: str, channel: EmailChannel
) -> DeliveryError | None:
    """Return the error for an answer that asks for another way to log in; None: it asks for none.

    Codes of RFC 4954 (530, 534, 538) and of servers that have turned passwords off (5.7.139 at Microsoft).
    """
    if error.code not in (530, 534, 535, 538):
        return None
    text = error.message.lower()
    if error.code in (530, 538) and channel.security == "none" and ("starttls" in text or "encrypt" in text):
        return TlsNotOffered(
            f'The mail server {where} requires TLS: {error.code}. Set security = "starttls".',
            status_code=error.code,
        )
    if error.code == 530 and channel.username is None:
        remedy = "It requires a login: set username and password_file, or oauth2."
    elif error.code == 534 or "5.7.139" in text or "basic authentication" in text:
        remedy = (
            "It accepts no password of an account: use a password for programs (app password), or oauth2."
        )
    elif channel.oauth2 is not None:
        remedy = "Check that the mailbox in username may send by SMTP, and that the scope is the server's."
    else:
        return None
    return AuthenticationRefused(
        f"The mail server {where} refused the login: {error.code}. {remedy}", status_code=error.code
    )


def _refusal(
    error: aiosmtplib.SMTPResponseException, where: str, kind: type[DeliveryError], what: str, remedy: str
) -> DeliveryError:
    answer = one_line(_PRIVATE.sub("(removed)", error.message), ANSWER_CHARS)
    if error.code < 500:
        sentence = f"The mail server {where} deferred {what}: {error.code} {answer}. Spillwatch tries again."
        return TemporarilyRefused(sentence, status_code=error.code)
    return kind(
        f"The mail server {where} refused {what}: {error.code} {answer}. {remedy}", status_code=error.code
    )


def _connection_error(error: Exception, where: str) -> DeliveryError:
    """Return our error for an attempt that ended without an answer to a command."""
    if any(isinstance(cause, OSError) and type(cause).__name__ == "gaierror" for cause in causes(error)):
        return NameNotResolved(
            f"The name of the mail server {where} has no address. Check `host` and the DNS."
        )
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return ConnectionDropped(
            f"The mail server {where} closed the connection before it accepted the message."
        )
    if isinstance(error, (aiosmtplib.SMTPConnectError, OSError)):
        return ConnectionFailed(
            f"Cannot connect to the mail server {where}. Check host, port, security and firewall."
        )
    if "STARTTLS" in str(error):
        return TlsNotOffered(
            f"The mail server {where} does not offer STARTTLS; nothing was sent. If it expects TLS from the "
            "first "
            'byte, set security = "tls".'
        )
    return AuthenticationRefused(
        f"The mail server {where} offers no login method that Spillwatch knows "
        f"({one_line(str(error), ANSWER_CHARS)})."
    )
