"""The rules of what may be fetched, one by one."""

from __future__ import annotations

import tracemalloc

import pytest

from crawler.errors import (
    AddressRefused,
    ContentRefused,
    FetchRefused,
    MethodRefused,
    OnionWithoutTor,
    RouteMissing,
    SchemeRefused,
    UrlRefused,
)
from crawler.fetching.guard import Guard, check_content
from storage.runs import RunOutcome


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("file:///etc/passwd", SchemeRefused),
        ("ftp://files.example/x", SchemeRefused),
        ("data:text/html,x", SchemeRefused),
        ("javascript:alert(1)", SchemeRefused),
        ("gopher://old.example/", SchemeRefused),
        ("http:///nowhere", UrlRefused),
        ("http://[::1", UrlRefused),
        ("http://shop.example/" + "x" * 3000, UrlRefused),
        ("http://shop.example:99999/o/2", UrlRefused),
        ("http://shop.example:65536/", UrlRefused),
        ("http://shop.example:0/", UrlRefused),
        ("http://shop.example:-80/", UrlRefused),
        ("http://shop.example:port/", UrlRefused),
        ("http://[2001:db8::1]:70000/", UrlRefused),
        ("http://shop..example/", UrlRefused),
        ("http://./", UrlRefused),
        (f"http://{'a' * 64}.example/", UrlRefused),
        (f"http://{'a.' * 130}example/", UrlRefused),
        ("http://shop.example:65535/", None),
        ("http://shop.example:/offers", None),
        (f"http://{'a' * 63}.example/", None),
        ("http://127.0.0.1/", AddressRefused),
        ("http://[::ffff:10.0.0.1]/", AddressRefused),
        ("http://2130706433/", AddressRefused),
        ("http://no-such-service.onion/", OnionWithoutTor),
        ("http://EXPYUZZ4WQQYQHJN.ONION./", OnionWithoutTor),
        ("https://shop.example/dump.zip", ContentRefused),
        ("https://shop.example/dump.ZIP/", ContentRefused),
        ("https://shop.example/dump.zip/.", ContentRefused),
        ("https://shop.example/.zip", None),
        ("https://shop.example", None),
        ("https://shop.example/DUMP.7Z?x=1", ContentRefused),
        ("https://shop.example/photo.jpg", ContentRefused),
        ("https://shop.example/thread.zip/2", None),
        ("https://shop.example/offers?page=2", None),
    ],
)
def test_an_address_is_refused_before_anything_is_asked(url: str, error: type[FetchRefused] | None) -> None:
    """Schemes, lengths, literal private addresses, onion names, archives and media are refused."""
    guard = Guard()

    if error is None:
        guard.check_request("GET", url)
        return
    with pytest.raises(error) as raised:
        guard.check_request("GET", url)
    assert raised.value.outcome is RunOutcome.REFUSED


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"])
def test_only_reading_methods_are_used(method: str) -> None:
    """Only GET and HEAD are sent, whichever code builds the request."""
    with pytest.raises(MethodRefused, match=method):
        Guard().check_request(method, "https://shop.example/")


def test_a_named_host_may_be_private_and_no_other() -> None:
    """`allow_private_addresses` lifts the rule for the named host, not for others with the same address."""
    guard = Guard.of(["Market.Example", "[::1]"])

    guard.check_address("market.example", "127.0.0.1")
    guard.check_request("GET", "http://[::1]:8080/")
    with pytest.raises(AddressRefused, match=r"other\.example resolves to 127\.0\.0\.1"):
        guard.check_address("other.example", "127.0.0.1")


def test_a_source_via_a_route_that_is_not_there_is_not_fetched_directly() -> None:
    """`via = "tor"` fails closed: without a proxy nothing is requested, not even a clearnet page."""
    with pytest.raises(RouteMissing):
        Guard.of([], via="tor").check_request("GET", "https://shop.example/")


def test_an_onion_name_is_for_tor_alone_and_a_private_address_for_nobody() -> None:
    """With a proxy an onion may be requested; a literal private address stays refused."""
    guard = Guard.of([], via="tor", tor_proxy="socks5://127.0.0.1:9050")

    guard.check_request("GET", "http://nowhere.onion/")
    with pytest.raises(AddressRefused):
        guard.check_request("GET", "http://127.0.0.1/")


@pytest.mark.parametrize(
    ("content_type", "attachment", "accepted"),
    [
        ("text/html; charset=gbk", False, True),
        ("application/json", False, True),
        ("application/rss+xml", False, True),
        ("", False, True),
        (None, False, True),
        ("image/png", False, False),
        ("VIDEO/MP4", False, False),
        ("application/zip", False, False),
        ("application/octet-stream", False, False),
        ("text/plain", True, True),
        ("text/csv; charset=utf-8", True, True),
        ("application/json", True, False),
        (None, True, False),
    ],
)
def test_content_is_judged_by_its_announced_type(
    content_type: str | None, attachment: bool, accepted: bool
) -> None:
    """Archives and media are never read, and only text as an attachment."""
    if accepted:
        check_content(content_type, attachment=attachment)
        return
    with pytest.raises(ContentRefused):
        check_content(content_type, attachment=attachment)


def test_a_checked_address_leaves_nothing_in_memory() -> None:
    """Checking 200,000 different path parts does not grow Python's table of interned strings, which takes 4
    MB at once.
    """
    guard = Guard()
    tracemalloc.start()
    try:
        for number in range(20_000):
            guard.check_request("GET", "https://shop.example" + "".join(f"/{number}-{n}" for n in range(10)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 500_000
