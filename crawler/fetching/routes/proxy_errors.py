"""What an outgoing proxy's failures mean. None of them is the site's.

Over https the proxy only connects (CONNECT), so what it answers is its own. Over http it passes on the site's
response, and its own answers are told by their status (407, 502, 504) or by a header that only proxies set.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

from crawler.errors import (
    FetchError,
    ProxyFailed,
    ProxyLoginRefused,
    ProxyRefused,
    ProxyTimedOut,
    ProxyUnreachable,
)
from network.proxy_address import ProxyAddress

LOGIN_WANTED = 407
#: A gateway's answers (RFC 9110, 15.6): it could not reach the host.
GATEWAY = frozenset({502, 504})
#: Headers of answers that a proxy itself has made: Squid's, and those of RFC 9209 with an error.
SQUID_ERROR = b"x-squid-error"
PROXY_STATUS = b"proxy-status"

#: The proxy that this context's request waits for to connect; None: it waits for the site, or has no proxy.
waits_for_proxy: ContextVar[ProxyAddress | None] = ContextVar("waits_for_proxy", default=None)


def proxy_unreachable(proxy: ProxyAddress, why: str = "") -> ProxyUnreachable:
    """Return the error for a proxy that takes no connections; `why`: what the system says, or ""."""
    said = f" ({why})" if why else ""
    return ProxyUnreachable(
        f"The proxy {proxy} does not accept connections{said}. This says nothing about the site. Start the "
        "proxy, or correct `proxy`."
    )


def tunnel_refused(proxy: ProxyAddress, host: str, status: int) -> FetchError:
    """Return the error for an answer other than 200 to CONNECT."""
    if status == LOGIN_WANTED:
        what = "another user name or password" if proxy.login else "a login"
        return ProxyLoginRefused(
            f"The proxy {proxy} wants {what} (407): nothing was requested, and this says nothing about the "
            "site. Put http://USER:PASSWORD@HOST:PORT into the file that proxy_file names."
        )
    if status < 500:
        return ProxyRefused(
            f"The proxy {proxy} does not allow connections to {host} ({status}); the site was not asked. Ask "
            "the proxy's operator to allow it."
        )
    return ProxyFailed(
        f"The proxy {proxy} answered {status} for {host}: it could not reach the site, or has trouble of its "
        "own. Its log says which."
    )


def answer_problem(
    proxy: ProxyAddress, host: str, status: int, headers: Iterable[tuple[bytes, bytes]]
) -> FetchError | None:
    """Return the error for an answer over plain http that the proxy made itself; None: it is the site's."""
    if status == LOGIN_WANTED or status in GATEWAY or (status >= 400 and _made_by_proxy(headers)):
        return tunnel_refused(proxy, host, status)
    return None


def _made_by_proxy(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        name.lower() == SQUID_ERROR or (name.lower() == PROXY_STATUS and b"error=" in value.lower())
        for name, value in headers
    )


def no_answer(proxy: ProxyAddress, host: str) -> ProxyFailed:
    """Return the error for a proxy that closed the connection, or did not speak HTTP, before it answered."""
    return ProxyFailed(
        f"The program at {proxy} (`proxy`) did not answer as an HTTP proxy for {host}: it closed the "
        "connection or sent something else. This says nothing about the site."
    )


def proxy_timed_out(proxy: ProxyAddress, host: str, timeout_s: float) -> ProxyTimedOut:
    return ProxyTimedOut(f"The proxy {proxy} did not connect to {host} within {timeout_s:g} s.")
