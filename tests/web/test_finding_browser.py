"""The page of one finding in a real browser: hostile text, scripts off, widths, languages, two people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, expect

from storage import alerts, triage
from storage.alerts import TriageState
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.peers.browser import opened
from tests.web.running import RunningConsole, running_console
from tests.web.test_finding_page import PEOPLE, add_rich_finding

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database)


@pytest.fixture
def console(world: World, evidence: EvidenceStore) -> Iterator[RunningConsole]:
    with running_console(world.database, evidence, world.clock) as running:
        yield running


def wrong_of(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    found = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    wrong = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]
    return wrong + ([f"{wide} pixels too wide"] if wide > 0 else [])


def test_every_look(console: RunningConsole, world: World, browser: Browser) -> None:
    """At 360 and 1920 pixels, dark, Chinese: nothing sticks out, axe finds nothing, pages are small."""
    reference = add_rich_finding(world)
    english = console.add_person()
    chinese = console.add_person("wei", language="zh", zone="Asia/Shanghai")
    client = console.client(english)
    for path in ("", "/versions"):
        assert len(client.get(f"/findings/{reference}{path}").content) < 150_000
    looks: list[tuple[str, str, int, dict[str, Any]]] = [
        ("wide", english, 1920, {}),
        ("dark", english, 1280, {"color_scheme": "dark"}),
        ("phone", english, 360, {}),
        ("chinese", chinese, 1280, {}),
        ("chinese phone, dark", chinese, 360, {"color_scheme": "dark"}),
    ]
    wrong = {}
    for name, token, width, options in looks:
        with opened(browser, console, token, width=width, **options) as page:
            for path in ("", "/versions"):
                page.goto(f"/findings/{reference}{path}")
                wrong[name + path] = wrong_of(page)
    assert wrong == {name: [] for name in wrong}


def test_two_people_triage(console: RunningConsole, world: World, browser: Browser) -> None:
    """A state with its reason; the other person's form comes back with what was typed; merged, and undone."""
    world.add_finding("1", **PEOPLE)
    world.judging.evaluate(world.match(world.crawl("2", text="another text")))
    first, second = (one.reference for one in world.alerts())
    anna, bob = console.add_person("anna"), console.add_person("bob")
    with opened(browser, console, anna) as page, opened(browser, console, bob, expected="409") as others:
        others.goto(f"/findings/{second}")
        page.goto(f"/findings/{second}")
        page.get_by_label("New state").select_option("investigating")
        page.get_by_label("Reason").first.fill("asking the CRM")
        page.get_by_role("button", name="Set the state").click()
        expect(page.get_by_role("status").first).to_have_text("The state was changed.")
        expect(page.locator(".timeline")).to_contain_text("asking the CRM")

        world.clock.advance(minutes=1)
        others.get_by_label("New state").select_option("false_positive")
        others.get_by_label("Reason").first.fill("of another company")
        with others.expect_response(lambda answer: answer.status == 409):
            others.get_by_role("button", name="Set the state").click()
        expect(others.get_by_role("alert")).to_contain_text("State: new → investigating by anna")
        expect(others.get_by_label("Reason").first).to_have_value("of another company")

        page.locator("#merge summary").click()
        page.get_by_label("Merge into the finding").fill(first)
        page.get_by_role("button", name="Merge", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("Merged.")
        page.goto("/")
        expect(page.locator(f'main a[href="/findings/{second}"]')).to_have_count(0)
        page.goto(f"/findings/{first}")
        page.locator("#merge").get_by_role("button", name="Undo the merge").click()
        expect(page.get_by_role("status").first).to_have_text("The merge was undone.")
        page.goto("/")
        expect(page.locator(f'main a[href="/findings/{second}"]')).to_have_count(1)
        page.goto(f"/findings/{first}")
        page.get_by_role("button", name="Copy the address").click()
        expect(page.locator("[data-copied]")).not_to_be_empty()


def test_without_scripts(console: RunningConsole, world: World, browser: Browser) -> None:
    """Everything is a form and a page. (A browser looks for the icon of an address that is plain text.)"""
    reference, token = add_rich_finding(world), console.add_person()
    with opened(browser, console, token, scripts=False, expected="404") as page:
        page.goto(f"/findings/{reference}")
        page.get_by_label("New state").select_option("confirmed")
        page.get_by_role("button", name="Set the state").click()
        page.get_by_label("New note").fill("called the owner")
        page.get_by_role("button", name="Add the note").click()
        expect(page.locator("#note .words")).to_have_text("called the owner")
        page.get_by_role("link", name="Compare 1 and 2").click()
        expect(page.locator("ins").first).to_be_visible()
        page.go_back()
        page.get_by_role("button", name="Copy the address").click()
        expect(page.locator("pre")).to_have_text("https://market.example/offer/8812\n")
    assert world.alerts()[0].state is TriageState.CONFIRMED


MORE = {
    "script in an attribute": '" autofocus onfocus="alert(1)" x="mark',
    "closing tags": "</bdi></code></td></table></main><script>alert(1)</script>mark",
    "svg": "<svg onload=alert(1)><animate onbegin=alert(1)>mark",
    "jinja": "{{ csrf }}{% include 'base.html' %}mark",
    "frame": '<iframe srcdoc="<script>alert(1)</script>">mark',
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.test">mark',
}


def test_hostile_text_is_text(console: RunningConsole, world: World, browser: Browser) -> None:
    """In every field that a page of a site can fill, and in those that a colleague types: no dialog, no
    request to elsewhere, no script, no link, nothing that is wider than the window.
    """
    references = []
    for number, text in enumerate([*CORPUS.values(), *MORE.values()]):
        text = text[:30_000]
        fields: dict[str, Any] = {"title": text, "body": text, "sample": text, "seller": text[:2_000]}
        fields |= {"data_classes": (text[:500],), "price_currency": text[:40]}
        before = world.crawl(str(number), text=f"first {number}", **fields)
        world.match(before)
        version = world.crawl(str(number), text=f"second {number}", **(fields | {"body": f"x\n{text}"}))
        world.judging.evaluate(world.match(version, terms=[text[:200]], hits={text[:40]: 1}))
    with world.database.transaction() as session:
        for alert in world.alerts():
            locked = alerts.lock_alert(session, alert.id)
            assert locked
            hostile = [*CORPUS.values(), *MORE.values()][alert.id - 1][:3_000]
            now = world.clock()
            triage.change_state(
                session, locked, TriageState.CONFIRMED, by="bob", reason=hostile[:1_000], now=now
            )
            triage.add_note(session, locked, by="bob", text=hostile, now=now)
            triage.declare_certain(session, locked, at=now, by="bob", reason=hostile[:1_000], now=now)
            references.append(alert.reference)
    requests: list[str] = []
    dialogs: list[str] = []
    wrong: dict[str, list[str]] = {}

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with opened(browser, console, console.add_person(), width=360) as page:
        page.on("request", lambda request: requests.append(request.url))
        page.on("dialog", dismiss)
        for name, reference in zip([*CORPUS, *MORE], references, strict=True):
            for path in ("", "/versions"):
                page.goto(f"/findings/{reference}{path}")
                wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                links = page.locator("main a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
                bad = [link for link in links if not link.startswith(("/findings/", "#", "/"))]
                made = page.locator("main :is(script, img, iframe, svg, style, meta, object)").count()
                body = page.locator("main").inner_text()
                signs = [hex(ord(sign)) for sign in "\x00\x1b\x9b\u202e\u2066\u200f" if sign in body]
                found = [*bad, *signs, *(["element"] if made else []), *([f"{wide} px"] if wide > 0 else [])]
                found += [] if page.url.startswith(console.url) else [page.url]
                found += [] if "https://" not in body else ["address"]
                if found:
                    wrong[f"{name}{path}"] = found
    assert wrong == {}
    assert dialogs == []
    assert [url for url in requests if not url.startswith(console.url)] == []
