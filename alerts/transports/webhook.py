"""Webhooks over HTTP (httpx): signed as Standard Webhooks says, sent to an address that was checked.

1. The host's name is resolved here, once, and every address that is not public is struck out (unless the host
   is named in allow_private_addresses).
2. The request goes to one of the addresses that are left, by number, with the name in Host and in TLS: what
   was checked is what is dialled, whatever the DNS says a moment later.
3. No redirect is followed, no proxy of the environment is used, and nothing of the answer's body is read.
"""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import Webhook

from alerts.errors import (
    ConnectionDropped,
    ConnectionFailed,
    DeliveryError,
    DeliveryTimedOut,
    MessageRefused,
    NameNotResolved,
    PrivateAddressRefused,
    ReceiverGone,
    RedirectRefused,
    TemporarilyRefused,
)
from alerts.message import event_of
from alerts.settings import WebhookChannel
from alerts.transports.sent import Outgoing, Sent
from alerts.transports.tls import context_for, not_verified

USER_AGENT = "Spillwatch"
RETRYABLE = frozenset({408, 409, 425, 429})
ADDRESSES = 4  # of a host that are tried in one attempt
RETRY_AFTER_DIGITS = 9
# Networks whose addresses carry an IPv4 address that the gateway dials in our stead: NAT64, 6to4.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def send_webhook(channel: WebhookChannel, outgoing: Outgoing) -> Sent:
    """Send one message; raises DeliveryError."""
    return asyncio.run(_send(channel, outgoing))


def body_of(outgoing: Outgoing) -> bytes:
    """The JSON that is sent: the same bytes at every attempt."""
    return event_of(outgoing.message).model_dump_json().encode()


def signed_headers(channel: WebhookChannel, outgoing: Outgoing, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks; one signature for each secret, so that secrets can be
    rotated.
    """
    at = outgoing.at.astimezone(UTC)
    signatures = [
        Webhook(secret.get_secret_value()).sign(outgoing.idempotency_key, at, body.decode())
        for secret in channel.secrets
    ]
    return {
        "webhook-id": outgoing.idempotency_key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def _send(channel: WebhookChannel, outgoing: Outgoing) -> Sent:
    url = httpx.URL(channel.url.get_secret_value())
    try:
        async with asyncio.timeout(channel.timeout_s):
            addresses = await _addresses(url, channel)
            return await _post(url, addresses, channel, outgoing)
    except TimeoutError as error:
        raise DeliveryTimedOut(
            f"The webhook at {url.host} did not answer within {channel.timeout_s:g} s. Another attempt is "
            "made."
        ) from error


async def _post(
    url: httpx.URL, addresses: Sequence[Address], channel: WebhookChannel, outgoing: Outgoing
) -> Sent:
    """POST to the first address that takes the connection."""
    body = body_of(outgoing)
    headers = {
        **{name: content.get_secret_value() for name, content in channel.headers.items()},
        **signed_headers(channel, outgoing, body),
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
    }
    # An address that does not answer must leave time for the next one.
    timeout = httpx.Timeout(channel.timeout_s, connect=channel.timeout_s / (len(addresses) + 1))
    async with httpx.AsyncClient(
        verify=context_for(channel.ca_file), trust_env=False, follow_redirects=False, timeout=timeout
    ) as client:
        for address in addresses:
            request = client.build_request("POST", _dialled(url, address), content=body, headers=headers)
            request.extensions["sni_hostname"] = url.host
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if verification := not_verified(error, host=url.host):
                    raise verification from error
                continue
            except httpx.HTTPError as error:
                raise _dropped(error, url) from error
            await response.aclose()
            return _answered(response, url, at=outgoing.at)
    raise ConnectionFailed(
        f"No connection to the webhook at {url.host}. Check the url, the receiver and the firewall."
    )


def _dialled(url: httpx.URL, address: Address) -> httpx.URL:
    return url.copy_with(host=str(address))


def _dropped(error: httpx.HTTPError, url: httpx.URL) -> DeliveryError:
    if isinstance(error, httpx.TimeoutException):
        return DeliveryTimedOut(f"The webhook at {url.host} did not answer in time. Another attempt is made.")
    return ConnectionDropped(f"The webhook at {url.host} hung up or spoke no HTTP ({type(error).__name__}).")


async def _addresses(url: httpx.URL, channel: WebhookChannel) -> list[Address]:
    """The addresses that may be dialled; raises PrivateAddressRefused if there are only others."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameNotResolved(f"The name {url.host} has no address. Check the url and the DNS.") from error
    addresses = list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
    if url.host in channel.allow_private_addresses:
        return addresses[:ADDRESSES]
    allowed = [address for address in addresses if is_public(address)]
    if not allowed:
        raise PrivateAddressRefused(
            f"{url.host} resolves to {addresses[0]}, which is not a public address; nothing was sent. If "
            "that is the "
            f'receiver you mean, set allow_private_addresses = ["{url.host}"].'
        )
    return allowed[:ADDRESSES]


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also inside the IPv6 forms that carry an IPv4
    address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def _answered(response: httpx.Response, url: httpx.URL, *, at: datetime) -> Sent:
    """What a status code means; the first line that holds decides."""
    code = response.status_code
    if response.is_success:
        return Sent(code)
    if code in RETRYABLE or code >= 500:
        wait = retry_after(response.headers.get("Retry-After"), at)
        asked = f" and asks for {wait:,.0f} s" if wait is not None else ""
        sentence = f"The webhook at {url.host} answered {code}{asked}. Another attempt is made."
        raise TemporarilyRefused(sentence, status_code=code, retry_after_s=wait)
    if response.is_redirect or 300 <= code < 400:
        raise RedirectRefused(
            f"The webhook at {url.host} answered {code}, a redirect, which is never followed: it would carry "
            "a signed "
            "alert elsewhere. Put the final address into url.",
            status_code=code,
        )
    if code == 410:
        raise ReceiverGone(
            f"The webhook at {url.host} answered 410: it is gone. Remove the channel.", status_code=code
        )
    raise MessageRefused(
        f"The webhook at {url.host} answered {code} and will not take this message. Its log says why.",
        status_code=code,
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number or a date); None if it says
    nothing.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:RETRY_AFTER_DIGITS])
    try:
        until = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
