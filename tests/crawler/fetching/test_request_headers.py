"""Requests on the wire: the bytes that a site receives, in their order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from scrapy import Request

from crawler.fetching.cookies import Cookie, Jar
from crawler.fetching.guard import Guard
from crawler.fetching.request_headers import RequestHeaders
from crawler.fetching.routes.json_route import HttpxRoute
from crawler.fetching.routes.page_route import AiohttpRoute
from crawler.fetching.routes.route import Route
from crawler.header_table import TOR_BROWSER
from crawler.running.supervisor import utc_now
from crawler.settings import CrawlerSettings
from crawler.sites import named_sites, site_of
from crawler.sources import read_definition
from tests.crawler.conftest import MARKET, Runs
from tests.crawler.fetching.test_routes import crawler_with
from tests.peers.web import Site

SETTINGS = CrawlerSettings(contact="security@spillwatch.example")
LOGIN = Cookie("sid", "synthetic", domain="127.0.0.1", host_only=True)


def sent(site: Site, kind: type[Route], request: Request, headers: RequestHeaders) -> list[str]:
    """The lines of the request as received, without Host's value."""

    async def fetch() -> None:
        route = kind(crawler_with(Guard.of(["127.0.0.1"]), request_headers=headers))
        try:
            await route.download_request(request)
        finally:
            await route.close()

    asyncio.run(fetch())
    first, host, *lines = site.requests[-1].head.strip().split("\r\n")
    assert host.startswith("Host: 127.0.0.1:")
    return [first, *lines]


def presented(via: str, *cookies: Cookie, site: str = "", **changes: str) -> RequestHeaders:
    """`site`: the site for which the changes apply."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return RequestHeaders.of(SETTINGS, via=via, changes=named, sites={site}, jar=Jar(cookies, clock=utc_now))


@pytest.mark.parametrize("kind", [AiohttpRoute, HttpxRoute])
def test_through_tor_a_request_is_tor_browsers_to_the_letter(kind: type[Route], site: Site) -> None:
    """Names, case, values and order; the cookies where Firefox has them; nothing else, and no Referer."""
    found = sent(site, kind, Request(f"{site.url}/offers"), presented("tor", LOGIN))

    assert found == [
        "GET /offers HTTP/1.1",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.5",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Sec-GPC: 1",
        "Connection: keep-alive",
        "Cookie: sid=synthetic",
        "Upgrade-Insecure-Requests: 1",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-User: ?1",
        "Priority: u=0, i",
    ]


@pytest.mark.parametrize("kind", [AiohttpRoute, HttpxRoute])
def test_a_direct_request_says_who_we_are_and_how_to_reach_us(kind: type[Route], site: Site) -> None:
    """Name, version and contact; a condition comes last."""
    request = Request(f"{site.url}/offers", headers={"If-None-Match": '"1"'})

    found = sent(site, kind, request, presented("direct"))

    assert found[1] == "User-Agent: Spillwatch/0.1 (leak monitoring; read-only) +security@spillwatch.example"
    assert [line.partition(":")[0] for line in found[2:]] == [
        "Accept",
        "Accept-Language",
        "Accept-Encoding",
        "If-None-Match",
    ]


def test_a_source_changes_single_headers_in_their_place(site: Site) -> None:
    """A new value takes the old one's place, an empty value removes the header, a new header comes last."""
    headers = presented(
        "tor", site=site_of(site.url), accept_language="de,en;q=0.5", Priority="", X_Note="hello"
    )

    found = sent(site, AiohttpRoute, Request(f"{site.url}/offers"), headers)

    names = [name for name in TOR_BROWSER if name != "Priority"]
    assert [line.partition(":")[0] for line in found[1:]] == [*names, "X-Note"]
    assert "Accept-Language: de,en;q=0.5" in found


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "sid=1"},
        {"Referer": "https://a.example/"},
        {"Authorization": "Bearer x"},
        {"Host": "a.example"},
        {"X-Split": "a\r\nX-Other: b"},
        {"X Space": "a"},
        {"Accept": "a", "accept": "b"},
    ],
)
def test_headers_that_are_not_ours_to_set_are_a_mistake(headers: dict[str, str]) -> None:
    """Secrets have their own option, no site learns where we came from, and a header is one line."""
    with pytest.raises(ValidationError):
        read_definition({**MARKET, "start": "https://market.example/", "headers": headers})


def test_a_run_sends_one_set_of_headers_for_everything(crawl: Runs, site: Site) -> None:
    """robots.txt, lists and listings get the same headers, also after a redirect, and no Referer."""
    crawl.set(user_agent="Watcher/1", contact="https://spillwatch.example/about")
    source = crawl.declare("market", f"{site.url}/redirect-to-offers", headers={"X-Note": "hello"})

    crawl.run(source)

    heads = {tuple(each.head.strip().split("\r\n")[2:]) for each in site.requests}
    assert len(site.requests) > 10
    assert len(heads) == 1
    assert next(iter(heads))[0] == "User-Agent: Watcher/1 +https://spillwatch.example/about"
    assert next(iter(heads))[-1] == "X-Note: hello"


def test_a_source_s_own_headers_go_to_its_own_site_alone(crawl: Runs, sites: tuple[Site, Site, Site]) -> None:
    """They do not go to an attachment's host or to the target of a redirect: a changed User-Agent and a
    forum's key are for the forum only.
    """
    forum, files, moved = sites
    forum.offers["1"].attachments = [f"{files.url}/sample.txt"]
    forum.offers["2"].leads_to = f"{moved.url}/offer/2"
    changed = {"User-Agent": "Watcher/1", "X-Forum-Key": "synthetic"}
    source = crawl.declare("forum", f"{forum.url}/offers", headers=changed)

    crawl.run(source)

    assert {(each.headers["user-agent"], each.headers["x-forum-key"]) for each in forum.requests} == {
        ("Watcher/1", "synthetic")
    }
    for elsewhere, path in ((files, "/sample.txt"), (moved, "/offer/2")):
        assert elsewhere.asked_for(path)
        assert {each.headers["user-agent"] for each in elsewhere.requests} == {crawl.settings.agent}
        assert not [each for each in elsewhere.requests if "x-forum-key" in each.headers]


def test_cookies_of_a_forum_go_to_no_other_host(
    crawl: Runs, sites: tuple[Site, Site, Site], tmp_path: Path
) -> None:
    """One host has two names here; cookies pasted for one name are not sent to the other."""
    forum, files, _ = sites
    elsewhere = files.url.replace("127.0.0.1", "localhost")
    forum.offers["1"].attachments = [f"{elsewhere}/sample.txt"]
    file = tmp_path / "cookies.txt"
    file.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tsynthetic\n")
    file.chmod(0o600)
    hosts = ["127.0.0.1", "localhost"]
    source = crawl.declare(
        "forum", f"{forum.url}/offers", cookies_file=str(file), allow_private_addresses=hosts
    )

    crawl.run(source)

    assert {each.headers.get("cookie") for each in forum.requests} == {"sid=synthetic"}
    assert files.asked_for("/sample.txt")
    assert not [each for each in files.requests if "cookie" in each.headers]


@pytest.mark.parametrize(
    ("changes", "sites"),
    [
        ({"start": "https://www.market.example/a"}, {"market.example"}),
        ({"start": ["https://a.example:8443/", "http://b.example/"]}, {"a.example:8443", "b.example"}),
        (
            {
                "kind": "paste",
                "start": "https://bin.example/recent",
                "raw": "https://raw.bin.example/{key}",
                "list": {"rows": "tr", "key": "a", "url": "https://p.bin.example/{key}"},
                "item": None,
            },
            {"bin.example", "raw.bin.example", "p.bin.example"},
        ),
        (
            {"kind": "mybb", "start": "https://forum.example/", **dict.fromkeys(("list", "row", "item"))},
            {"forum.example"},
        ),
    ],
)
def test_the_sites_of_a_source_are_those_that_its_file_names(
    changes: dict[str, Any], sites: set[str]
) -> None:
    """The sites of its start URLs and of its URL templates, with and without `www.`."""
    values = {key: value for key, value in {**MARKET, **changes}.items() if value is not None}

    assert named_sites(read_definition(values)) == sites | {f"www.{site}" for site in sites}
