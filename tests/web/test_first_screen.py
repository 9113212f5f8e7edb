"""The first screen in a real browser: live rows, keys, many at once, scripts off, languages and widths."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from storage.alerts import TriageState
from storage.sources import SourceHealth
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole
from web.live import LiveFeed

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the browser shows does not depend on the database: SQLite is enough."""
    return sqlite_url


@pytest.fixture
def quick(console: RunningConsole) -> RunningConsole:
    console.app.state.live = LiveFeed(console.console, look_s=0.05)
    return console


def add(world: World, key: str) -> None:
    world.clock.advance(minutes=1)
    world.judging.evaluate(world.match(world.crawl(key, text=key, title=f"出售 <b>{key}</b>")))


def titles(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#rows .what a:first-child").all_inner_texts()]


def test_findings_arrive_while_the_page_is_open(
    quick: RunningConsole, world: World, browser: Browser
) -> None:
    """A finding arrives at the top; while something is selected it waits behind a bar, and nothing moves. A
    row that somebody else closes says so where it stands.
    """
    add(world, "one")
    with opened(browser, quick, quick.add_person()) as page:
        page.goto("/")
        expect(page.locator("#live-state")).to_have_text("New findings appear by themselves.")
        add(world, "two")
        expect(page.locator("#rows tr")).to_have_count(2)
        assert titles(page) == ["出售 <b>two</b>", "出售 <b>one</b>"]
        page.locator("#rows input[type=checkbox]").nth(1).check()
        add(world, "three")
        expect(page.locator("#arrived button")).to_have_text("1 new: show")
        assert len(titles(page)) == 2
        world.clock.advance(minutes=1)
        world.acknowledge(1, TriageState.RESOLVED)
        expect(page.locator("#rows tr.closed .state")).to_have_text("resolved")
        expect(page.locator("#rows tr.closed input[type=checkbox]")).to_be_checked()
        page.locator("#arrived button").click()
        assert titles(page) == ["出售 <b>three</b>", "出售 <b>two</b>", "出售 <b>one</b>"]
        expect(page.locator("#rows tr.current")).to_have_count(1)


def test_triage_by_keys(quick: RunningConsole, world: World, browser: Browser) -> None:
    """Keys move, select, acknowledge, find and open; a shown list names them; typing in a field is typing."""
    for key in ("one", "two", "three"):
        add(world, key)
    with opened(browser, quick, quick.add_person()) as page:
        page.goto("/?owner=all&order=newest")
        for key in "jjx":
            page.keyboard.press(key)
        expect(page.locator("#selected")).to_have_text("1 selected")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        expect(page.locator("#selected")).to_have_text("2 selected")
        page.keyboard.press("a")
        expect(page.locator("#done")).to_have_text("2 findings were changed.")
        assert [alert.state.value for alert in world.alerts()] == ["acknowledged", "acknowledged", "new"]
        assert page.evaluate("document.activeElement.closest('tr')?.rowIndex") == 3
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("jax two")
        assert page.locator("#words").input_value() == "jax two"
        assert [alert.state.value for alert in world.alerts()] == ["acknowledged", "acknowledged", "new"]
        page.locator("#words").fill("two")
        page.keyboard.press("Enter")
        expect(page.locator("#rows tr")).to_have_count(1)
        page.keyboard.press("j")
        page.keyboard.press("f")
        page.keyboard.type("their own shop")
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_have_text("1 finding was changed.")
        page.goto("/?owner=all")
        page.route("**/findings/*", lambda route: route.fulfill(body="the finding"))
        page.keyboard.press("j")
        page.keyboard.press("o")
        page.wait_for_url("**/findings/*")


def test_without_scripts(console: RunningConsole, world: World, browser: Browser) -> None:
    """Filters, counters, pages and changes are forms and links; the choice is kept for the next visit."""
    for key in ("one", "two"):
        add(world, key)
    with opened(browser, console, console.add_person(), scripts=False) as page:
        page.goto("/")
        page.get_by_label("all on this page").check()
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.locator("#done")).to_have_text("2 findings were changed.")
        page.get_by_role("link", name="acknowledged 2").click()
        expect(page.locator("#rows tr")).to_have_count(2)
        page.get_by_label("Label").fill("bank")
        page.keyboard.press("Enter")
        assert page.url.endswith("state=acknowledged"), "Enter changes nothing"
        page.get_by_label("Words in the title").fill("ONE")
        page.get_by_role("button", name="Apply").click()
        assert titles(page) == ["出售 <b>one</b>"]
        page.goto("/")
        expect(page.locator("#rows tr")).to_have_count(2)
        expect(page.get_by_role("link", name="acknowledged 2")).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("link", name="Refresh")).to_be_visible()


def test_it_is_readable_everywhere(console: RunningConsole, world: World, browser: Browser) -> None:
    """axe finds nothing at 360 and 1920 pixels, light, dark, in English and Chinese; nothing is cut off."""
    for key in ("one", "two"):
        add(world, key)
    world.acknowledge(1)
    world.change_health(SourceHealth.REFUSED, source="forum")
    anna, li = console.add_person(), console.add_person("li", language="zh", zone="Asia/Shanghai")
    looks = (
        (anna, WIDTHS["phone"], "light"),
        (anna, WIDTHS["wide"], "dark"),
        (li, WIDTHS["laptop"], "light"),
        (li, WIDTHS["phone"], "dark"),
    )
    for token, width, scheme in looks:
        with opened(browser, console, token, width=width, color_scheme=scheme) as page:
            page.goto("/?owner=all")
            found = Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (width, scheme)
            page.keyboard.press("?")
            page.wait_for_selector("#keys[open]")
            assert [each["id"] for each in Axe().run(page).response["violations"]] == []
