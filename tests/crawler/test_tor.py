"""`via = "tor"` against a real onion service on a real Tor network, on loopback: read through it, or not at
all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.tor import TorNetwork, tor_network
from tests.peers.web import Site

#: A network of six processes is slow to start on a busy machine.
pytestmark = [pytest.mark.needs("tor"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def hidden() -> Iterator[tuple[Site, TorNetwork]]:
    """A site behind an onion service, and the network."""
    with Site() as site, tor_network(int(site.url.rpartition(":")[2])) as network:
        yield site, network


def declare(crawl: Runs, start: str, **changes: object) -> int:
    return crawl.declare("onion", start, via="tor", allow_private_addresses=[], **changes)


def test_an_onion_service_is_read_through_tor(crawl: Runs, hidden: tuple[Site, TorNetwork]) -> None:
    """Every page of the list and every offer, robots.txt first, with the name resolved by Tor."""
    site, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    source = declare(crawl, f"http://{network.onion}/offers")

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, None, 12)
    assert site.paths[0] == "/robots.txt"
    assert {asked.headers["host"] for asked in site.requests} == {network.onion}


def test_a_json_api_behind_an_onion_is_read_through_tor_too(
    crawl: Runs, hidden: tuple[Site, TorNetwork]
) -> None:
    """There is one way out to Tor for every kind; none has another."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    start = f"http://{network.onion}"
    shape = {"rows": "$.rows", "key": "$.id", "url": f"{start}/offer/{{key}}"}
    source = declare(
        crawl, f"{start}/api", kind="json", list=shape, row={"title": "$.title", "body": "$.text"}, item=None
    )

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 5)


@pytest.mark.parametrize("path", ["/redirect-to-private", "/redirect-to-localhost"])
def test_a_redirect_out_of_tors_network_is_refused(
    crawl: Runs, hidden: tuple[Site, TorNetwork], path: str
) -> None:
    """An onion that sends us elsewhere learns nothing of who we are."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)

    run = crawl.run(
        declare(crawl, f"http://{network.onion}{path}", politeness={"delay_s": 0, "robots": False})
    )

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "onion_left")


def test_an_onion_that_does_not_exist_is_told_from_tor_being_down(
    crawl: Runs, hidden: tuple[Site, TorNetwork]
) -> None:
    """Tor answers, but cannot reach it."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)

    run = crawl.run(declare(crawl, "http://nowhere.onion/offers", politeness={"delay_s": 0, "robots": False}))

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "tor_failed")
    assert "Tor could not reach nowhere.onion" in (run.detail or "")


def test_without_tor_nothing_is_asked_at_all(crawl: Runs, site: Site) -> None:
    """Where nobody listens at tor_proxy, a source that goes out through Tor does not go out, not to
    clearnet either.
    """
    crawl.set(tor_proxy="socks5://127.0.0.1:1")
    quick = {"delay_s": 0, "robots": False}

    onion = crawl.run(declare(crawl, "http://nowhere.onion/offers", politeness=quick))
    unset = Runs(crawl.database, crawl.url, crawl.evidence_dir, slots=crawl.slots)
    missing = unset.run(declare(unset, "http://nowhere.onion/offers", politeness=quick))

    assert (onion.outcome, onion.reason) == (RunOutcome.COULD_NOT_FETCH, "tor_unreachable")
    assert (missing.outcome, missing.reason) == (RunOutcome.REFUSED, "route_missing")
    assert site.requests == []
