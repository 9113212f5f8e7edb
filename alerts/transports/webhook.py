"""Webhooks over HTTP (httpx): signed as Standard Webhooks prescribes, sent to an address that was checked.

1. The host's name is resolved here, once, and addresses that are not public are removed (unless the host is
   listed in allow_private_addresses).
2. The request goes to one of the remaining addresses, by number, with the name in Host and in TLS. So the
   address that was checked is the one that is used, even if the DNS changes its answer a moment later.
3. No redirect is followed, no proxy of the environment is used, and the answer's body is not read.

With `proxy`, the proxy resolves the name and connects, so 1 and 2 are left to it. What is refused here is an
address or a name that can only be private.
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
from alerts.event import event_of
from alerts.settings import WebhookChannel
from alerts.transports.attempt_loop import run_attempt
from alerts.transports.interface import OutgoingMessage, SendReceipt
from alerts.transports.proxy import (
    ProxyPhase,
    address_of,
    check_receiver_name,
    client_proxy,
    own_answer,
    proxy_failure,
)
from alerts.transports.tls import certificate_error, context_for
from network.public_addresses import Address, is_public

USER_AGENT = "Spillwatch"
RETRYABLE = frozenset({408, 409, 425, 429})
ADDRESSES = 4  # addresses of a host that are tried in one attempt
RETRY_AFTER_DIGITS = 9


def send_webhook(channel: WebhookChannel, outgoing: OutgoingMessage) -> SendReceipt:
    """Send one message; raises DeliveryError."""
    return run_attempt(_send(channel, outgoing))


def body_of(outgoing: OutgoingMessage) -> bytes:
    """Return the JSON to send: the same bytes at every attempt."""
    return event_of(outgoing.message).model_dump_json().encode()


def signed_headers(channel: WebhookChannel, outgoing: OutgoingMessage, body: bytes) -> dict[str, str]:
    """Return the three headers of Standard Webhooks, with one signature per secret, so that secrets can be
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


async def _send(channel: WebhookChannel, outgoing: OutgoingMessage) -> SendReceipt:
    url = httpx.URL(channel.url.get_secret_value())
    proxy = address_of(channel.proxy)
    through = f" through the proxy {proxy}" if proxy else ""
    try:
        async with asyncio.timeout(channel.timeout_s):
            if proxy is not None:
                return await _post_through(ProxyPhase(proxy), url, channel, outgoing)
            addresses = await _allowed_addresses(url, channel)
            return await _post(url, addresses, channel, outgoing)
    except TimeoutError as error:
        raise DeliveryTimedOut(
            f"The webhook at {url.host} did not answer within {channel.timeout_s:g} s{through}. Spillwatch "
            "tries again."
        ) from error


def _request_headers(
    url: httpx.URL, channel: WebhookChannel, outgoing: OutgoingMessage, body: bytes
) -> dict[str, str]:
    return {
        **{name: content.get_secret_value() for name, content in channel.headers.items()},
        **signed_headers(channel, outgoing, body),
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
    }


async def _post_through(
    phase: ProxyPhase, url: httpx.URL, channel: WebhookChannel, outgoing: OutgoingMessage
) -> SendReceipt:
    """POST through the channel's proxy, which resolves the name."""
    check_receiver_name(url.host, channel.allow_private_addresses)
    body, context = body_of(outgoing), context_for(channel.ca_file)
    async with httpx.AsyncClient(
        verify=context,
        proxy=client_proxy(phase.proxy, context),
        trust_env=False,
        follow_redirects=False,
        timeout=channel.timeout_s,
    ) as client:
        headers = _request_headers(url, channel, outgoing, body)
        request = client.build_request("POST", url, content=body, headers=headers)
        request.extensions["trace"] = phase.note
        try:
            response = await client.send(request, stream=True)
        except httpx.HTTPError as error:
            failure = proxy_failure(error, phase, url.host) or certificate_error(error, host=url.host)
            raise failure or _transfer_error(error, url) from error
        await response.aclose()
        if (failure := own_answer(phase, url, response.status_code)) is not None:
            raise failure
        return _receipt(response, url, at=outgoing.at)


async def _post(
    url: httpx.URL, addresses: Sequence[Address], channel: WebhookChannel, outgoing: OutgoingMessage
) -> SendReceipt:
    """POST to the first address that accepts the connection."""
    body = body_of(outgoing)
    headers = _request_headers(url, channel, outgoing, body)
    # An address that does not answer must leave time for the next ones.
    timeout = httpx.Timeout(channel.timeout_s, connect=channel.timeout_s / (len(addresses) + 1))
    async with httpx.AsyncClient(
        verify=context_for(channel.ca_file), trust_env=False, follow_redirects=False, timeout=timeout
    ) as client:
        for address in addresses:
            target = url.copy_with(host=str(address))
            request = client.build_request("POST", target, content=body, headers=headers)
            request.extensions["sni_hostname"] = url.host
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if unverified := certificate_error(error, host=url.host):
                    raise unverified from error
                continue
            except httpx.HTTPError as error:
                raise _transfer_error(error, url) from error
            await response.aclose()
            return _receipt(response, url, at=outgoing.at)
    raise ConnectionFailed(
        f"Cannot connect to the webhook at {url.host}. Check the url, the receiver and the firewall."
    )


def _transfer_error(error: httpx.HTTPError, url: httpx.URL) -> DeliveryError:
    """Return our error for a connection that failed after it was made."""
    if isinstance(error, httpx.TimeoutException):
        return DeliveryTimedOut(f"The webhook at {url.host} did not answer in time. Spillwatch tries again.")
    return ConnectionDropped(
        f"The webhook at {url.host} closed the connection or did not answer in HTTP ({type(error).__name__})."
    )


async def _allowed_addresses(url: httpx.URL, channel: WebhookChannel) -> list[Address]:
    """Return the addresses to which the message may go; raises PrivateAddressRefused if there are none."""
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
            "this is "
            f'the intended receiver, set allow_private_addresses = ["{url.host}"].'
        )
    return allowed[:ADDRESSES]


def _receipt(response: httpx.Response, url: httpx.URL, *, at: datetime) -> SendReceipt:
    """Return the receipt for a status code of success; raise the error for another.

    The first rule applies.
    """
    code = response.status_code
    if response.is_success:
        return SendReceipt(code)
    if code in RETRYABLE or code >= 500:
        wait = retry_after(response.headers.get("Retry-After"), at)
        request = f" and asked to wait {wait:,.0f} s" if wait is not None else ""
        sentence = f"The webhook at {url.host} answered {code}{request}. Spillwatch tries again."
        raise TemporarilyRefused(sentence, status_code=code, retry_after_s=wait)
    if response.is_redirect or 300 <= code < 400:
        raise RedirectRefused(
            f"The webhook at {url.host} answered {code}, a redirect. Redirects are never followed, because "
            "they would carry a signed alert to another place. Put the final address into url.",
            status_code=code,
        )
    if code == 410:
        raise ReceiverGone(
            f"The webhook at {url.host} answered 410: it is gone. Remove the channel.", status_code=code
        )
    raise MessageRefused(
        f"The webhook at {url.host} answered {code} and does not accept this message. See the receiver's "
        "log.",
        status_code=code,
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for; None if it is missing or invalid.

    The value is a number of seconds or a date (RFC 9110, 10.2.3).
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
