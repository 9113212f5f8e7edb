"""Both routes through a real forward proxy: pages come, and its failures are its own and not the site's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme
from scrapy import Request

from crawler.errors import AddressRefused, FetchError
from crawler.fetching.guard import Guard
from crawler.fetching.outgoing_proxy import proxy_file_refused, proxy_of
from crawler.fetching.routes.json_route import HttpxRoute
from crawler.fetching.routes.page_route import AiohttpRoute
from crawler.fetching.routes.route import Route
from crawler.running.child_protocol import Job
from crawler.settings import CrawlerSettings
from crawler.sources import read_definition
from network.proxy_address import parse_proxy
from storage.runs import RunOutcome
from tests.crawler.conftest import MARKET, Runs
from tests.crawler.fetching.test_routes import crawler_with
from tests.peers.http_peer import HttpPeer
from tests.peers.proxy import ProxyPeer
from tests.peers.web import Site

NAME = "market.example"
LOGIN = ("reader", "synthetic:p@ss")
AS_URL = "reader:synthetic%3Ap%40ss"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> trustme.CA:
    """An authority that both routes trust while a test runs; see `trusted`."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def served_as(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def secure(trusted: trustme.CA) -> Iterator[HttpPeer]:
    """A site over https whose name only the proxy knows."""
    with HttpPeer(Hello, name="secure", tls=served_as(trusted, NAME)) as peer:
        yield peer


@pytest.fixture(params=[AiohttpRoute, HttpxRoute])
def kind(request: pytest.FixtureRequest) -> type[Route]:
    route: type[Route] = request.param
    return route


def ask(
    kind: type[Route],
    url: str,
    proxy: str,
    *,
    timeout_s: float = 30,
    times: int = 1,
    private: tuple[str, ...] = (),
) -> str:
    """Return the body of the last answer, or the reason of the error and what its sentence names."""
    bodies: list[bytes] = []

    async def fetch() -> None:
        guard = Guard.of(private, proxy=parse_proxy(proxy))
        route = kind(crawler_with(guard, timeout_s=timeout_s))
        try:
            bodies.extend([(await route.download_request(Request(url))).body for _ in range(times)])
        finally:
            await route.close()

    try:
        asyncio.run(fetch())
    except FetchError as error:
        assert "synthetic" not in str(error)
        return error.reason
    return bodies[-1].decode()


def test_a_site_is_read_through_the_proxy_which_resolves_its_name(
    kind: type[Route], site: Site, secure: HttpPeer
) -> None:
    """http is forwarded and https tunnelled, twice over one connection each, and nothing else is dialled."""
    port = int(site.url.rpartition(":")[2])
    with ProxyPeer({NAME: port}) as plain, ProxyPeer({NAME: secure.port}) as tunnel:
        forwarded = ask(kind, f"http://{NAME}/offers", plain.url, times=2)
        tunnelled = ask(kind, f"https://{NAME}/", tunnel.url, times=2)

    assert "Database number 1" in forwarded
    assert tunnelled == "hello"
    assert {(each.method, each.target) for each in plain.requests} == {("GET", f"http://{NAME}/offers")}
    assert {(each.method, each.target) for each in tunnel.requests} == {("CONNECT", f"{NAME}:443")}
    assert {request.headers["host"] for request in site.requests} == {NAME}


def test_a_login_reaches_the_proxy_and_not_the_site(kind: type[Route], site: Site, secure: HttpPeer) -> None:
    """The login may hold every character; a wrong one or none is `proxy_login_refused`."""
    port = int(site.url.rpartition(":")[2])
    for url, hosts, right in [
        (f"http://{NAME}/offers", {NAME: port}, "Database"),
        (f"https://{NAME}/", {NAME: secure.port}, "hello"),
    ]:
        with ProxyPeer(hosts, login=LOGIN) as proxy:
            known = ask(kind, url, proxy.url.replace("//", f"//{AS_URL}@"))
            unknown = [ask(kind, url, proxy.url), ask(kind, url, proxy.url.replace("//", "//a:synthetic@"))]

        assert right in known
        assert unknown == ["proxy_login_refused"] * 2
    assert [name for request in site.requests for name in request.headers if "proxy" in name] == []


@pytest.mark.parametrize(
    ("mood", "over_http", "over_https"),
    [
        ("refuses", None, "proxy_refused"),
        ("broken", "proxy_failed", "proxy_failed"),
        ("squid", "proxy_failed", "proxy_failed"),
        ("garbage", "proxy_failed", "proxy_failed"),
        ("closes", "proxy_failed", "proxy_failed"),
        ("hangs", "timed_out", "proxy_timed_out"),
        ("dies", "proxy_unreachable", "proxy_unreachable"),
        ("dies-later", None, "proxy_unreachable"),
    ],
)
def test_what_a_proxy_does_wrong_is_its_own(
    kind: type[Route], mood: str, over_http: str | None, over_https: str
) -> None:
    """Each failure has a reason of its own. Over http some are like the site's, which outcomes.md says."""
    timeout_s = 1 if mood == "hangs" else 30
    found = []
    for scheme, expected in (("http", over_http), ("https", over_https)):
        if expected is not None:
            with ProxyPeer({NAME: 1}, mood=mood) as proxy:
                found.append((ask(kind, f"{scheme}://{NAME}/", proxy.url, timeout_s=timeout_s), expected))

    assert [each[0] for each in found] == [each[1] for each in found]


def test_a_proxy_that_is_not_there_is_unreachable(kind: type[Route]) -> None:
    """Nobody listens, or its name does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    for proxy in (f"http://127.0.0.1:{port}", "http://nowhere.invalid:3128"):
        for scheme in ("http", "https"):
            assert ask(kind, f"{scheme}://{NAME}/", proxy) == "proxy_unreachable"


def test_a_proxy_may_speak_tls(kind: type[Route], secure: HttpPeer, trusted: trustme.CA, site: Site) -> None:
    """With https:// before its address, the login is not readable on the way to it."""
    port = int(site.url.rpartition(":")[2])
    context = served_as(trusted, "127.0.0.1")
    with ProxyPeer({NAME: port}, tls=context) as plain, ProxyPeer({NAME: secure.port}, tls=context) as tunnel:
        assert "Database" in ask(kind, f"http://{NAME}/offers", plain.url)
        assert ask(kind, f"https://{NAME}/", tunnel.url) == "hello"


def test_a_proxy_whose_certificate_is_not_trusted_gets_nothing(kind: type[Route]) -> None:
    """The certificate is the proxy's, so the site has no part in it."""
    with ProxyPeer({NAME: 1}, tls=served_as(trustme.CA(), "127.0.0.1")) as proxy:
        for scheme in ("http", "https"):
            assert ask(kind, f"{scheme}://{NAME}/", proxy.url) == "proxy_unreachable"
        assert proxy.requests == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "2130706433", "0x7f.1", "127.1"),
        *("localhost", "a.localhost", "wiki", "wiki.local", "db.internal", "nas.home.arpa", "localhost."),
    ],
)
def test_what_can_only_be_private_is_not_asked_of_a_proxy(host: str) -> None:
    """Addresses in each way of writing them, and names that are never public ones."""
    guard = Guard.of([], proxy=parse_proxy("http://proxy.lender.example:3128"))

    with pytest.raises(AddressRefused, match="allow_private_addresses"):
        guard.check_request("GET", f"http://{host}/")


@pytest.mark.parametrize(
    "host", ["market.example", "93.184.215.14", "3.example", "0x.example", "local.example"]
)
def test_other_names_may_be_asked_of_a_proxy(host: str) -> None:
    """Public addresses and names; `wiki.local` only if the source's file names it."""
    proxy = parse_proxy("http://proxy.lender.example:3128")

    Guard.of([], proxy=proxy).check_request("GET", f"http://{host}/")
    Guard.of(["wiki.local"], proxy=proxy).check_request("GET", "http://wiki.local/")


def test_which_proxy_a_source_has(tmp_path: Path) -> None:
    """Its own before that of [crawler], none with "", and never one through Tor."""
    settings = CrawlerSettings.model_validate({"proxy": f"http://{AS_URL}@proxy.lender.example:3128"})
    file = tmp_path / "proxy"
    file.write_text("http://other:synthetic@two.lender.example:8080\n")
    file.chmod(0o600)
    base = {**MARKET, "start": "https://market.example/"}

    def chosen(**changes: object) -> str:
        return str(proxy_of(read_definition({**base, **changes}), settings))

    assert chosen() == "proxy.lender.example:3128"
    assert chosen(proxy="http://three.lender.example:1") == "three.lender.example:1"
    assert chosen(proxy_file=str(file)) == "two.lender.example:8080"
    assert chosen(proxy="") == chosen(via="tor") == "None"
    file.chmod(0o644)
    refused = proxy_file_refused(read_definition({**base, "proxy_file": str(file)}))
    assert refused is not None
    assert "chmod 600" in str(refused)


def test_a_run_tells_the_proxys_trouble_from_the_sites(crawl: Runs, site: Site) -> None:
    """One source is read through the proxy with its login; a dead proxy ends the run by its own reason."""
    port = int(site.url.rpartition(":")[2])
    with ProxyPeer({NAME: port}, login=LOGIN) as proxy:
        crawl.set(proxy=proxy.url.replace("//", f"//{AS_URL}@"))
        source = crawl.declare("market", f"http://{NAME}/offers", allow_private_addresses=[])
        read = crawl.run(source)
        proxy.mood = "refuses"
    unreachable = crawl.run(source)

    assert (read.outcome, read.reason, read.listings_new) == (RunOutcome.NEW_LISTINGS, None, 12)
    assert (unreachable.outcome, unreachable.reason) == (RunOutcome.COULD_NOT_FETCH, "proxy_unreachable")
    assert "synthetic" not in f"{unreachable.detail}"


def test_a_job_carries_the_proxys_login_and_its_repr_does_not() -> None:
    """The run's process needs the login; no exception and no log may show it."""
    settings = CrawlerSettings.model_validate({"proxy": f"http://{AS_URL}@proxy.lender.example:3128"})

    again = CrawlerSettings.model_validate_json(settings.model_dump_json())

    assert again == settings
    assert Job.model_fields["settings"].annotation is CrawlerSettings
    assert "synthetic" not in f"{settings!r} {parse_proxy(f'http://{AS_URL}@h:1')!r}"
