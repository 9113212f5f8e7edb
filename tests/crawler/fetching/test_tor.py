"""`via = "tor"` against a real onion service on a real Tor network, on loopback: read through Tor or not at
all.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from scrapy import Request

from crawler.errors import FetchError
from crawler.fetching.guard import Guard
from crawler.fetching.routes.page_route import AiohttpRoute
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.crawler.fetching.test_routes import crawler_with
from tests.peers.tor import TorNetwork, unpublished_onion
from tests.peers.web import Site
from tests.waiting import PATIENCE_S, wait_until

POLITE = {"delay_s": 0, "robots": False}

#: A network of six processes is slow to start on a busy machine.
pytestmark = [pytest.mark.needs("tor"), pytest.mark.timeout(240)]


def declare(crawl: Runs, start: str, *, name: str = "onion", **changes: object) -> int:
    return crawl.declare(name, start, via="tor", allow_private_addresses=[], **changes)


def test_an_onion_service_is_read_through_tor(crawl: Runs, hidden: tuple[Site, TorNetwork]) -> None:
    """Every list page and every offer is read, robots.txt first, and Tor resolves the name."""
    site, network = hidden
    site.requests.clear()
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    source = declare(crawl, f"http://{network.onion}/offers")

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, None, 12)
    assert site.paths[0] == "/robots.txt"
    assert {asked.headers["host"] for asked in site.requests} == {network.onion}


def test_a_json_api_behind_an_onion_is_read_through_tor_too(
    crawl: Runs, hidden: tuple[Site, TorNetwork]
) -> None:
    """All kinds use the same route through Tor."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    start = f"http://{network.onion}"
    shape = {"rows": "$.rows", "key": "$.id", "url": f"{start}/offer/{{key}}"}
    source = declare(
        crawl, f"{start}/api", kind="json", list=shape, row={"title": "$.title", "body": "$.text"}, item=None
    )

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 5)


@pytest.mark.parametrize("path", ["/redirect-to-private", "/redirect-to-localhost", "/redirect-to-clearnet"])
def test_a_redirect_out_of_tors_network_is_refused(
    crawl: Runs, hidden: tuple[Site, TorNetwork], path: str, tmp_path: Path
) -> None:
    """After a redirect to elsewhere, no name is looked up and nothing is dialled."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    source = declare(crawl, f"http://{network.onion}{path}", politeness=POLITE)

    run = crawl.run(source, child=audited(tmp_path / "asked"))

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "onion_left")
    assert addresses(tmp_path / "asked") == {f"('127.0.0.1', {network.socks})"}


# --- Tor's own outcomes


def ask(url: str, proxy: str, *, timeout_s: float = 30.0) -> FetchError | int:
    """Send one request through Tor; return its status, or the error."""

    async def fetch() -> int:
        route = AiohttpRoute(crawler_with(Guard.of((), via="tor", tor_proxy=proxy), timeout_s=timeout_s))
        try:
            return (await route.download_request(Request(url))).status
        finally:
            await route.close()

    try:
        return asyncio.run(fetch())
    except FetchError as error:
        return error


@pytest.mark.parametrize(
    ("address", "extended", "plain"),
    [
        (lambda _: unpublished_onion(), "onion_not_found", "onion_not_found"),
        (lambda _: "nowhere.onion", "onion_address_wrong", "tor_failed"),
        (lambda network: f"{network.onion}:82", "onion_port_closed", "onion_port_closed"),
        (lambda network: f"{network.onion}:81", "tor_failed", "tor_failed"),
        (lambda network: network.locked, "onion_key_wanted", "onion_not_found"),
    ],
    ids=["no descriptor", "bad address", "closed port", "dead web server", "key wanted"],
)
def test_tors_own_outcomes_are_told_apart(
    hidden: tuple[Site, TorNetwork], address: Callable[[TorNetwork], str], extended: str, plain: str
) -> None:
    """With `ExtendedErrors` as deploy/tor sets it, and as far as possible without."""
    _, network = hidden
    host = address(network)

    told = ask(f"http://{host}/", network.proxy)
    folded = ask(f"http://{host}/", f"socks5://127.0.0.1:{network.plain}")

    assert isinstance(told, FetchError)
    assert isinstance(folded, FetchError)
    assert (told.reason, folded.reason) == (extended, plain)
    assert host.partition(":")[0] in str(told)


def test_a_service_that_hangs_is_a_timeout_of_tors_and_not_of_the_site(
    hidden: tuple[Site, TorNetwork],
) -> None:
    """The connection never existed, so the error differs from that of a slow page."""
    _, network = hidden
    with network.paused("onion"):
        told = ask(f"http://{network.onion}/offers", network.proxy, timeout_s=2)

    assert isinstance(told, FetchError)
    assert told.reason == "tor_timed_out"


@pytest.fixture
def mail_port() -> Iterator[int]:
    """The port of a server that greets like a mail server."""

    def greet() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"220 mail.example ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


def test_a_proxy_that_is_not_tor_is_told(mail_port: int) -> None:
    """The program at `tor_proxy` does not speak SOCKS: the address is wrong, and nothing was requested."""
    told = ask("http://nowhere.onion/", f"socks5://127.0.0.1:{mail_port}", timeout_s=5)

    assert isinstance(told, FetchError)
    assert told.reason == "tor_unreachable"
    assert "SOCKS5" in str(told)


def test_a_run_has_tors_outcome_in_its_row(crawl: Runs, hidden: tuple[Site, TorNetwork]) -> None:
    """Also if robots.txt was the page that failed, because Tor's outcome says more."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)

    run = crawl.run(declare(crawl, "http://nowhere.onion/offers"))

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "onion_address_wrong")
    assert "nowhere.onion" in (run.detail or "")


def test_each_source_has_circuits_of_its_own(crawl: Runs, hidden: tuple[Site, TorNetwork]) -> None:
    """Two sources share no circuit to the site, so nobody on the way can link them."""
    _, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    start = f"http://{network.onion}/feed"
    parts = {"kind": "feed", "list": None, "row": None, "item": None}
    ids = [declare(crawl, start, name=name, **parts) for name in ("one", "two")]

    for source in ids:
        crawl.run(source)

    of = network.circuits()
    one, two = (of[f"source-{source}"] for source in ids)
    assert one
    assert two
    assert not one & two


def test_tor_that_dies_ends_the_run_and_the_next_one_goes_on_there(
    crawl: Runs, hidden: tuple[Site, TorNetwork], tmp_path: Path
) -> None:
    """The row says tor_unreachable, whatever was read before; the run dialled only the dead Tor's port; once
    Tor is back, the next run reads the rest, and nothing twice.
    """
    site, network = hidden
    crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
    source = declare(crawl, f"http://{network.onion}/offers", politeness=POLITE, item=None)
    supervisor = crawl.supervisor(audited(tmp_path / "asked"))
    site.held, before = {"2"}, len(site.requests)
    run_id, thread = crawl.start(source, supervisor)
    wait_until(lambda: any(asked.query.get("page") == "2" for asked in site.requests[before:]))

    network.kill("client")
    thread.join(PATIENCE_S)
    site.held = set()
    network.start_again("client")
    again = crawl.run(source)

    run = crawl.row(run_id)
    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.COULD_NOT_FETCH, "tor_unreachable", 5)
    assert "tor_proxy" in (run.detail or "")
    assert run.pages_unread == 1
    assert addresses(tmp_path / "asked") == {f"('127.0.0.1', {network.socks})"}
    assert (again.outcome, again.reason, again.listings_new) == (RunOutcome.NEW_LISTINGS, None, 7)


def test_without_tor_nothing_is_asked_at_all(crawl: Runs, site: Site, tmp_path: Path) -> None:
    """If nothing listens at tor_proxy, a source with `via = "tor"` requests nothing, not from clearnet
    either, and not even robots.txt.
    """
    crawl.set(tor_proxy="socks5://127.0.0.1:1")

    onion = crawl.run(declare(crawl, "http://nowhere.onion/offers"), child=audited(tmp_path / "asked"))
    clear = crawl.run(declare(crawl, "http://shop.example/offers"), child=audited(tmp_path / "asked"))
    unset = Runs(crawl.database, crawl.url, crawl.evidence_dir, slots=crawl.slots)
    missing = unset.run(declare(unset, "http://nowhere.onion/offers"), child=audited(tmp_path / "none"))

    assert (onion.outcome, onion.reason) == (RunOutcome.COULD_NOT_FETCH, "tor_unreachable")
    assert (clear.outcome, clear.reason) == (RunOutcome.COULD_NOT_FETCH, "tor_unreachable")
    assert (missing.outcome, missing.reason) == (RunOutcome.REFUSED, "route_missing")
    assert addresses(tmp_path / "asked") == {"('127.0.0.1', 1)"}
    assert addresses(tmp_path / "none") == set()
    assert site.requests == []


def audited(file: Path) -> Sequence[str]:
    """A child's command line: the real one, with its addresses recorded."""
    file.touch()
    return (sys.executable, "-m", "tests.crawler.audited", str(file))


def addresses(file: Path) -> set[str]:
    """The addresses that a run passed to its system, names included."""
    return {line.partition(" ")[2] for line in file.read_text().splitlines()}
