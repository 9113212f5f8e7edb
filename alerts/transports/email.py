"""E-mail over SMTP (aiosmtplib): verified TLS, authentication, and one time limit for the whole attempt.

What the server's answers mean: 4xx is "later", 5xx is "no" (RFC 5321, 4.2.1). Where it takes some recipients
and refuses others for good, the message counts as sent and the attempt says how many were refused; where it
puts one off, the message is sent to all again, with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import re
import ssl

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
from alerts.mail import email_of
from alerts.settings import EmailChannel
from alerts.transports.sent import Outgoing, Sent
from alerts.transports.tls import causes, context_for, not_verified

PORTS = {"starttls": 587, "tls": 465, "none": 25}
QUIT_S = 2.0  # for a goodbye that changes nothing: the message was taken
ANSWER_CHARS = 160  # of a server's text in our sentence
_PRIVATE = re.compile(r"\S*@\S*|\d{7,}")  # a server's text may repeat an address or a number


def send_email(channel: EmailChannel, outgoing: Outgoing) -> Sent:
    """Send one message; raises DeliveryError."""
    return asyncio.run(_send(channel, outgoing, context_for(channel.ca_file)))


async def _send(channel: EmailChannel, outgoing: Outgoing, context: ssl.SSLContext) -> Sent:
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
    try:
        async with asyncio.timeout(channel.timeout_s):
            await client.connect()
            if channel.username is not None and channel.password is not None:
                await client.login(channel.username, channel.password.get_secret_value())
            refused, _ = await client.send_message(mail)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _named(error, channel) from error
    else:
        return _taken(refused, channel)
    finally:
        await _leave(client)


async def _leave(client: SMTP) -> None:
    """Say goodbye where there is somebody, and close in any case."""
    try:
        if client.is_connected:
            await client.quit(timeout=QUIT_S)
    except (aiosmtplib.SMTPException, OSError):
        return  # the message's fate is known; how the connection ends says nothing about it
    finally:
        client.close()


def _taken(refused: dict[str, SMTPResponse], channel: EmailChannel) -> Sent:
    if not refused:
        return Sent(250)
    codes = sorted({answer.code for answer in refused.values()})
    count = f"{len(refused)} of {len(channel.to)} recipients"
    if any(code < 500 for code in codes):
        raise TemporarilyRefused(f"The mail server put {count} off ({_joined(codes)}).", status_code=codes[0])
    return Sent(
        250,
        detail=f"The mail server refused {count} ({_joined(codes)}) and took the message for the others. "
        "Mend the addresses in `to`.",
        reason=RecipientRefused.reason,
    )


def _joined(codes: list[int]) -> str:
    return ", ".join(map(str, codes))


def _port(channel: EmailChannel) -> int:
    return channel.port or PORTS[channel.security]


def _named(error: Exception, channel: EmailChannel) -> DeliveryError:
    """Our error for the library's."""
    where = f"{channel.host}:{_port(channel)}"
    if verification := not_verified(error, host=channel.host):
        return verification
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return _answered(
            error.recipients[0], where, RecipientRefused, "every recipient", "Mend the addresses in `to`."
        )
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _answered(error, where, *_MEANINGS.get(type(error), _MEANINGS[aiosmtplib.SMTPDataError]))
    if isinstance(error, TimeoutError):
        return DeliveryTimedOut(
            f"The mail server {where} did not finish within {channel.timeout_s:g} s. Another attempt is made."
        )
    return _unanswered(error, where)


_MEANINGS: dict[type[Exception], tuple[type[DeliveryError], str, str]] = {
    aiosmtplib.SMTPAuthenticationError: (
        AuthenticationRefused,
        "the user name or the password",
        "Mend username and password, then try `spillwatch alerts test`.",
    ),
    aiosmtplib.SMTPSenderRefused: (SenderRefused, "the sender", "Mend `from`."),
    aiosmtplib.SMTPDataError: (MessageRefused, "the message", "Ask whoever runs it why."),
}


def _answered(
    error: aiosmtplib.SMTPResponseException, where: str, kind: type[DeliveryError], what: str, remedy: str
) -> DeliveryError:
    said = one_line(_PRIVATE.sub("(left out)", error.message), ANSWER_CHARS)
    if error.code < 500:
        sentence = f"The mail server {where} puts {what} off: {error.code} {said}. Another attempt is made."
        return TemporarilyRefused(sentence, status_code=error.code)
    return kind(
        f"The mail server {where} refused {what}: {error.code} {said}. {remedy}", status_code=error.code
    )


def _unanswered(error: Exception, where: str) -> DeliveryError:
    if any(isinstance(cause, OSError) and type(cause).__name__ == "gaierror" for cause in causes(error)):
        return NameNotResolved(
            f"The name of the mail server {where} has no address. Check `host` and the DNS."
        )
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return ConnectionDropped(f"The mail server {where} hung up before it took the message.")
    if isinstance(error, (aiosmtplib.SMTPConnectError, OSError)):
        return ConnectionFailed(
            f"No connection to the mail server {where}. Check host, port, security and firewall."
        )
    if "STARTTLS" in str(error):
        return TlsNotOffered(
            f"The mail server {where} offers no STARTTLS; nothing was sent. If it speaks TLS from the first "
            "byte, "
            'set security = "tls".'
        )
    return AuthenticationRefused(
        f"The mail server {where} offers no way to log in that we know "
        f"({one_line(str(error), ANSWER_CHARS)})."
    )
