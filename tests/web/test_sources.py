"""Sources: which is shown first, what there is of one, and who sees what it brought."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from crawler.sources import read_definition, stored_definition
from storage import captures, sources
from storage.captures import CaptureRecord, CaptureRole
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.sources import DeclaredSource, SourceHealth
from storage.users import Role
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, running_console

BOARD: dict[str, Any] = {
    "kind": "html",
    "start": "https://board.example/list",
    "schedule": {"every": "15m"},
    "list": {"rows": "div.row", "link": {"select": "a", "attr": "href"}},
    "row": {"title": "a"},
}


def declare(world: World, *names: str, **changes: Any) -> None:
    """Sync sources that a visit could read."""
    definition = stored_definition(read_definition({**BOARD, **changes}))
    declared = [DeclaredSource(name, "html", definition, f"sources/{name}.toml") for name in names]
    with world.database.transaction() as session:
        sources.sync_declared_sources(session, declared, world.clock())


def names_in(page: str) -> list[str]:
    return re.findall(r'<a href="/sources/([a-z]+)">', page)


def test_the_worst_source_comes_first(console: RunningConsole, world: World) -> None:
    declare(world, "market", "forum", "quiet", "shut")
    world.crawl("1", source="market")
    for health, name in (
        (SourceHealth.OK, "market"),
        (SourceHealth.WALL, "shut"),
        (SourceHealth.OK, "quiet"),
    ):
        world.change_health(health, source=name)
    world.change_health(SourceHealth.FAILING, source="forum")
    client = console.signed_in()

    assert names_in(client.get("/sources").text) == ["forum", "shut", "market", "quiet"]
    assert names_in(client.get("/sources?state=wall").text) == ["shut"]
    assert names_in(client.get("/sources?q=MAR").text) == ["market"]
    assert names_in(client.get("/sources?q=board.example").text) == ["forum", "shut", "market", "quiet"]
    assert names_in(client.get("/sources?q=%25").text) == []
    assert names_in(client.get("/sources?after=1~shut").text) == ["market", "quiet"]
    assert client.get("/sources?after=%F0%9F~x&state=nonsense").status_code == 200
    assert client.get("/sources/nowhere").status_code == 404


def test_what_a_source_brought_is_shown_to_whom_it_concerns(console: RunningConsole, world: World) -> None:
    """A person of a company sees no listing, no stored page and no count of anybody else's."""
    declare(world, "market", "forum")
    world.declare_second_company()
    world.add_finding("1")
    world.crawl("2", text="other", title="secret of somebody else")
    count = re.compile(r'data-label="Listings">(\d+)<')
    everybody = console.signed_in()
    shown = {
        name: console.signed_in(name, {company: Role.ADMIN})
        for name, company in (("bob", "qudian"), ("eve", "harbour"))
    }

    assert count.findall(everybody.get("/sources?q=market").text) == ["2"]
    assert count.findall(shown["bob"].get("/sources?q=market").text) == ["1"]
    assert count.findall(shown["eve"].get("/sources?q=market").text) == ["0"]
    assert "secret of somebody else" in everybody.get("/sources/market").text
    for client in shown.values():
        page = client.get("/sources/market").text
        assert "secret of somebody else" not in page
        assert "/pages/" not in page
        assert client.get("/sources/market/pages/1").status_code == 404
    assert everybody.get("/sources/forum/pages/1").status_code == 404  # a page of another source
    assert everybody.get("/sources/market/pages/1").status_code == 200


@pytest.mark.needs("chromium")
def test_a_source_in_the_browser(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    """Hostile text of a page is text, on both widths, dark and in Chinese, and axe finds nothing."""
    world = World(sqlite_database)
    declare(world, "market", "forum")
    world.add_finding("1")
    for number, (name, words) in enumerate(CORPUS.items()):
        world.crawl(f"h{number}", text=name, title=words.replace("\ud800", "?").replace("\0", "")[:500])
    world.clock.advance(hours=3)
    world.change_health(SourceHealth.COULD_NOT_FETCH)
    rows = "".join(f"<li class=row>{words.replace(chr(0xD800), '')[:2000]}</li>" for words in CORPUS.values())
    body = f"<ul>{rows}<li>call 13812345678</li></ul>".encode()
    with evidence.writer("test") as writer:
        place = writer.response(
            url="https://market.example/list",
            status=200,
            headers=((b"Content-Type", b"text/html"),),
            body=body,
            fetched_at=world.clock(),
        )
        writer.sync()
    with world.database.transaction() as session:
        market = sources.source_by_name(session, "market")
        assert market is not None

        (capture_id,) = captures.add_captures(
            session,
            [
                CaptureRecord(
                    run_id=1,
                    source_id=market.id,
                    url="https://market.example/list",
                    role=CaptureRole.LIST,
                    fetched_at=world.clock(),
                    status=200,
                    sha256=hashlib.sha256(body).hexdigest(),
                    size=len(body),
                    place=place,
                    content_type="text/html",
                )
            ],
        )
    with running_console(world.database, evidence, world.clock) as console:
        looks: list[dict[str, Any]] = [
            {"width": WIDTHS["phone"]},
            {"width": WIDTHS["wide"], "color_scheme": "dark", "scripts": False},
        ]
        for number, look in enumerate(looks):
            token = console.add_person(f"p{number}", language="zh" if number else "en")
            with opened(browser, console, token, **look) as page:
                page.goto("/sources")
                page.click('a[href="/sources/market"]')
                page.goto(f"/sources/market/pages/{capture_id}")
                expect(page.locator("table.lines")).to_contain_text("138****5678")
                if look.get("scripts", True):
                    for address in ("/sources", "/sources/market", f"/sources/market/pages/{capture_id}"):
                        page.goto(address)
                        found = Axe().run(page)
                        assert found.violations_count == 0, found.generate_report()
                        assert page.evaluate("document.documentElement.scrollWidth") <= look["width"]
