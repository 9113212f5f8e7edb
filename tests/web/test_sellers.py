"""A seller: the offers under one name, their prices and findings, as far as somebody may see them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.users import Role
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, running_console

NAME = "<b>x</b>/../?&\u202e"


def fill(world: World) -> None:
    world.declare_second_company()
    for number, (source, seller, company) in enumerate(
        [
            ("market", NAME, "qudian"),
            ("forum", NAME, "harbour"),
            ("market", NAME, "qudian"),
            ("market", "b", "qudian"),
        ],
        1,
    ):
        world.clock.advance(hours=5)
        price = Decimal(number) / 2
        version = world.crawl(str(number), source=source, seller=seller, price_amount=price, text=str(number))
        world.judging.evaluate(world.match(version, company=company))
    world.crawl("none", text="none")


def offers(page: str) -> list[str]:
    return re.findall(r'<td><a href="/listings/(\d+)">', page.partition('id="rows"')[2])


def test_a_seller_shows_every_offer_that_may_be_seen(console: RunningConsole, world: World) -> None:
    """The name is in no address; what another company's people see is neither shown nor counted."""
    fill(world)
    everybody = console.signed_in("all")
    anna = console.signed_in("anna", {"qudian": Role.VIEWER})

    page = everybody.get("/sellers/1").text
    assert offers(page) == ["3", "2", "1"]
    assert 'id="several"' in page
    assert len(re.findall("/findings/[A-Z0-9]{9}", page)) == 3
    assert re.findall(r'<td class="number"><bdi>([\d.]+)</bdi>', page)[:3] == ["0.5", "1", "1.5"]
    assert "<b>x" not in page
    assert not re.findall('(?:href|action)="[^"]*(?:%3C|x<)', page)
    mine = anna.get("/sellers/1").text
    assert offers(mine) == ["3", "1"]
    assert 'id="several"' not in mine
    assert "forum" not in mine
    assert len(re.findall("/findings/[A-Z0-9]{9}", mine)) == 2
    assert offers(everybody.get("/sellers/3?before=3").text) == ["2", "1"]
    assert [anna.get(f"/sellers/{each}").status_code for each in ("2", "4", "5", "9", "x", "1?before=x")] == [
        404,
        200,
        404,
        404,
        404,
        404,
    ]
    assert everybody.get("/sellers/5").status_code == 404  # names no seller


@pytest.mark.needs("chromium")
def test_a_seller_in_the_browser(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    world = World(sqlite_database)
    fill(world)
    with running_console(world.database, evidence, world.clock) as console:
        token = console.add_person(language="zh")
        with opened(browser, console, token, width=WIDTHS["phone"], color_scheme="dark") as page:
            page.goto("/sellers/1")
            assert page.locator("svg.chart circle").count() == 3
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert not (found := Axe().run(page)).violations_count, found.generate_report()
