"""Deliveries through an outgoing HTTP proxy: its client, and what its failures mean. None is the receiver's.

Over https the proxy only connects (CONNECT), so what it answers is its own. It resolves the receiver's name:
which address it dials is not known here, and only the name is checked.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from alerts.errors import (
    ConnectionDropped,
    DeliveryError,
    PrivateAddressRefused,
    ProxyAnsweredFailure,
    ProxyDeniedReceiver,
    ProxyNotReached,
    ProxyWantsLogin,
)
from alerts.transports.tls import certificate_error
from network.internal_hosts import is_internal_name, literal_address
from network.proxy_address import ProxyAddress, parse_proxy
from network.public_addresses import is_public

LOGIN_WANTED = 407
GATEWAY = frozenset({502, 504})  # a gateway's own answers (RFC 9110, 15.6): it could not reach the host


@dataclass(slots=True)
class ProxyPhase:
    """Whether the receiver is asked already, or the proxy is still connecting; see httpcore's traces."""

    proxy: ProxyAddress
    receiver_asked: bool = False
    tunnel_open: bool = False
    proxy_unverified: bool = False

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore's trace callback. TLS inside a tunnel is "proxy.start_tls"."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.receiver_asked = True
        self.tunnel_open |= event == "proxy.start_tls.started"
        self.proxy_unverified |= event == "connection.start_tls.failed"


def address_of(proxy: SecretStr | None) -> ProxyAddress | None:
    """Return the address in a checked setting; None: no proxy."""
    return parse_proxy(proxy.get_secret_value()) if proxy is not None else None


def client_proxy(proxy: ProxyAddress | None, context: ssl.SSLContext) -> httpx.Proxy | None:
    """Return what an httpx client needs; `context` verifies a proxy that speaks TLS."""
    if proxy is None:
        return None
    return httpx.Proxy(proxy.url, auth=proxy.login, ssl_context=context if proxy.scheme == "https" else None)


def check_receiver_name(host: str, allowed: Collection[str]) -> None:
    """Raise PrivateAddressRefused for a name or an address that can only be private, unless it is allowed."""
    if host in allowed:
        return
    address = literal_address(host)
    internal = is_internal_name(host) if address is None else not is_public(address)
    if internal:
        raise PrivateAddressRefused(
            f"{host} is an address or a name of a private network, and the proxy would connect to it; "
            f'nothing was sent. If this is the intended receiver, set allow_private_addresses = ["{host}"].'
        )


def proxy_failure(error: httpx.HTTPError, phase: ProxyPhase, host: str) -> DeliveryError | None:
    """Return the error if the proxy failed; None: the receiver did, or the connection to it."""
    if isinstance(error, httpx.ProxyError):
        status = str(error).partition(" ")[0]
        return status_failure(phase.proxy, host, int(status) if status.isdecimal() else None)
    if phase.proxy_unverified:
        return ProxyNotReached(
            f"The certificate of the proxy {phase.proxy} cannot be verified; nothing was sent. Put its "
            "authority's certificate in ca_file, or correct `proxy`."
        )
    if phase.receiver_asked or certificate_error(error, host=host) is not None:
        return None
    if phase.tunnel_open:
        return ConnectionDropped(
            f"The proxy {phase.proxy} connected to {host}, and the connection ended before TLS was agreed. "
            "Check the port in the address, the receiver and the proxy."
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ProxyNotReached(
            f"Cannot connect to the proxy {phase.proxy}. Check `proxy` and the firewall; this says nothing "
            f"about {host}."
        )
    return status_failure(phase.proxy, host, None)


def own_answer(phase: ProxyPhase, url: httpx.URL, status: int) -> DeliveryError | None:
    """Return the error for an answer over plain http that the proxy made itself; None: the receiver's."""
    if url.scheme == "http" and (status == LOGIN_WANTED or status in GATEWAY):
        return status_failure(phase.proxy, url.host, status)
    return None


def status_failure(proxy: ProxyAddress, host: str, status: int | None) -> DeliveryError:
    """Return the error for the proxy's answer; None: it closed the connection or did not speak HTTP."""
    if status is None:
        return ProxyAnsweredFailure(
            f"The program at {proxy} (`proxy`) did not answer as an HTTP proxy; nothing was sent to {host}. "
            "Spillwatch tries again."
        )
    if status == LOGIN_WANTED:
        what = "another user name or password" if proxy.login else "a login"
        return ProxyWantsLogin(
            f"The proxy {proxy} wants {what} (407); nothing was sent to {host}. Put "
            "http://USER:PASSWORD@HOST:PORT into the file that proxy_file names, then run `spillwatch alerts "
            "test`.",
            status_code=status,
        )
    if status < 500:
        return ProxyDeniedReceiver(
            f"The proxy {proxy} does not allow connections to {host} ({status}); {host} was not asked. Ask "
            "the proxy's operator to allow it.",
            status_code=status,
        )
    return ProxyAnsweredFailure(
        f"The proxy {proxy} answered {status}: it could not reach {host}, or has trouble of its own. "
        "Spillwatch tries again.",
        status_code=status,
    )
