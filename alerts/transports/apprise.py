"""Apprise: Slack, Teams, Discord, Mattermost and a hundred other services, by a URL of Apprise's own form.

Each attempt is a process of its own (`apprise_child.py`), which is ended after the channel's `timeout_s`,
whatever it waits for. Retries are not its subject: Apprise tries once, and our backoff decides on the next
attempt. The services know no idempotency key, so a message whose outcome stayed unknown may be there twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alerts.errors import (
    AppriseFailed,
    AppriseMissing,
    AppriseUrlRefused,
    AuthorityUnreadable,
    DeliveryError,
    DeliveryTimedOut,
    MessageRefused,
    NameNotResolved,
    PrivateAddressRefused,
    ProxyNotReached,
    ReceiverGone,
    RedirectRefused,
    TemporarilyRefused,
    UnexpectedError,
)
from alerts.settings import AppriseChannel
from alerts.transports.apprise_text import body_of, cut_ending, title_of
from alerts.transports.interface import OutgoingMessage, SendReceipt
from alerts.transports.proxy import address_of, status_failure
from network.proxy_address import ProxyAddress
from storage.alerts import AlertChange, Severity

CHILD = Path(__file__).with_name("apprise_child.py")
CHECK_S = 20.0  # for Apprise to start and read a URL, on a busy machine
RETRYABLE = frozenset({408, 409, 425, 429})
#: Nothing of ours: no proxies, no settings, and no ~/.netrc, which `requests` would read.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent", "NETRC": "/dev/null"}
TYPES = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "failure",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
}


def send_apprise(channel: AppriseChannel, outgoing: OutgoingMessage) -> SendReceipt:
    """Send one message; raises DeliveryError."""
    message = outgoing.message
    resolved = message.change is AlertChange.RESOLVED
    answer = _run_child(
        channel,
        timeout_s=channel.timeout_s,
        title=title_of(message, channel.content),
        body=body_of(message, channel.content),
        ending=cut_ending(message),
        type="success" if resolved else TYPES[message.severity],
    )
    if answer.get("outcome") == "sent":
        return SendReceipt(200)
    raise _delivery_error(answer, channel)


def apprise_problem(channel: AppriseChannel) -> DeliveryError | None:
    """Return why Apprise could not send through a channel at all; None if it takes the URL. Sends nothing."""
    try:
        answer = _run_child(channel, timeout_s=CHECK_S, check=True)
    except DeliveryError as error:
        return error
    return None if answer.get("outcome") == "accepted" else _delivery_error(answer, channel)


def _run_child(channel: AppriseChannel, *, timeout_s: float, **job: object) -> dict[str, Any]:
    """Run the process and return its answer; it ends with the time limit, whatever it is doing."""
    proxy = address_of(channel.proxy)
    allowed = [*channel.allow_private_addresses, *([proxy.host] if proxy else [])]
    whole = {
        "url": channel.url.get_secret_value(),
        "allowed": allowed,
        "timeout_s": timeout_s,
        "environment": _environment(channel, proxy),
        **job,
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the job goes through its standard input
            [sys.executable, "-I", str(CHILD)],
            input=json.dumps(whole).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            env=ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeliveryTimedOut(
            f"{_service(channel)} did not answer within {timeout_s:g} s. Spillwatch tries again. The "
            "message may have arrived."
        ) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnexpectedError(
            f"The process that sends through Apprise ended with code {done.returncode} and without an answer."
        )
    return answer


def _environment(channel: AppriseChannel, proxy: ProxyAddress | None) -> dict[str, str]:
    """Return the variables by which `requests` takes an authority and a proxy."""
    variables = {}
    if channel.ca_file is not None:
        if not channel.ca_file.is_file():
            raise AuthorityUnreadable(f"ca_file: {channel.ca_file} is not a file. Correct the path.")
        variables["REQUESTS_CA_BUNDLE"] = str(channel.ca_file)
    if proxy is not None:
        login = ":".join(quote(part, safe="") for part in proxy.login) + "@" if proxy.login else ""
        url = proxy.url.replace("://", f"://{login}", 1)
        variables |= {"HTTP_PROXY": url, "HTTPS_PROXY": url, "http_proxy": url, "https_proxy": url}
    return variables


def _service(channel: AppriseChannel) -> str:
    """Return the service for a message: the scheme of the URL, which holds no secret."""
    return f"The service {channel.scheme}:// (Apprise)"


def _delivery_error(answer: dict[str, Any], channel: AppriseChannel) -> DeliveryError:
    """Return the error for an answer other than "sent"."""
    service, host = _service(channel), str(answer.get("host"))
    match answer.get("outcome"):
        case "missing":
            return AppriseMissing(AppriseMissing.__doc__ or "")
        case "url":
            return AppriseUrlRefused(
                f"Apprise does not accept the url of this channel, which begins with {channel.scheme}://. "
                "Apprise's page of that service shows its form. Correct the url."
            )
        case "private":
            return PrivateAddressRefused(
                f"{host} resolves to an address that is not public; nothing was sent. If this is the "
                f'intended receiver, set allow_private_addresses = ["{host}"].'
            )
        case "unresolved":
            return NameNotResolved(f"The name {host} has no address. Check the url and the DNS.")
        case "proxy":
            return _proxy_error(answer.get("status"), channel)
        case "refused" if int(answer["status"]) >= 300:
            return _status_error(int(answer["status"]), service)
    return AppriseFailed(
        f"{service} did not confirm the message, and Apprise gives no reason: no connection, or an answer "
        "that it does not know. Spillwatch tries again."
    )


def _proxy_error(status: object, channel: AppriseChannel) -> DeliveryError:
    proxy = address_of(channel.proxy)
    if proxy is not None and isinstance(status, int):
        return status_failure(proxy, f"the service {channel.scheme}://", status)
    return ProxyNotReached(f"Cannot connect to the proxy {proxy}. Check `proxy` and the firewall.")


def _status_error(code: int, service: str) -> DeliveryError:
    """Return the error for an HTTP status, by the rules that webhooks have."""
    if code in RETRYABLE or code >= 500:
        return TemporarilyRefused(f"{service} answered {code}. Spillwatch tries again.", status_code=code)
    if 300 <= code < 400:
        return RedirectRefused(
            f"{service} answered {code}, a redirect, which is never followed. Put the final address into "
            "url.",
            status_code=code,
        )
    if code == 410:
        return ReceiverGone(f"{service} answered 410: the receiver is gone.", status_code=code)
    return MessageRefused(
        f"{service} answered {code} and does not accept this message. Was the hook withdrawn, or the token "
        "changed?",
        status_code=code,
    )
