"""Deliveries: what failed comes first, who may send it again, and a test that the daemon sends."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from alerts.settings import AlertsSettings
from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage.alerts import AlertKind
from storage.audit_log import AuditEntry
from storage.database.base import Database
from storage.deliveries import DeliveryState
from storage.evidence.warc import EvidenceStore
from storage.users import Role
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import form_token, running_console

#: A port where nobody listens.
NOBODY = "http://127.0.0.1:9/hook"
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
CHANNELS: dict[str, Any] = {
    "hook": {
        "transport": "webhook",
        "url": NOBODY,
        "secrets": [SECRET],
        "headers": {"X-Key": "hunter2"},
        "allow_private_addresses": ["127.0.0.1"],
        "timeout_s": 2,
    },
    "harbour-hook": {
        "transport": "webhook",
        "url": NOBODY,
        "secrets": [SECRET],
        "allow_private_addresses": ["127.0.0.1"],
        "companies": ["harbour"],
    },
    "off": {"transport": "apprise", "url": "slack://a/b/c", "enabled": False},
}


def make_world(database: Database) -> tuple[World, Settings]:
    alerts = AlertsSettings.model_validate({"channels": CHANNELS, "retry": {"attempts": 1}})
    world = World(database, channels=dict(alerts.channels), settings={"retry": alerts.retry})
    world.declare_second_company()
    return world, Settings(alerts=alerts, web=WebSettings(listen="127.0.0.1:0"))


def acts(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(entry.action, entry.subject) for entry in entries]


def ids_in(page: Any) -> list[int]:
    return [int(each) for each in re.findall(r'<a href="/deliveries/(\d+)">', page.text)]


def post(client: Any, address: str, **fields: str) -> Any:
    token = form_token(client.get("/channels"))
    return client.post(address, data={"csrf": token, **fields})


def test_who_sees_a_delivery_and_who_may_send_it_again(database: Database, evidence: EvidenceStore) -> None:
    world, settings = make_world(database)
    world.add_finding("1")
    world.add_finding("2", company="harbour")
    deliver(world)
    with running_console(database, evidence, world.clock, settings=settings) as console:
        everybody = console.signed_in()
        people = {
            name: console.signed_in(name, {company: role})
            for name, company, role in (
                ("bob", "qudian", Role.ANALYST),
                ("vera", "qudian", Role.VIEWER),
                ("eve", "harbour", Role.ADMIN),
            )
        }
        ids = {each.channel + str(each.alert_id): each.id for each in world.deliveries()}
        (mine, theirs) = (ids["hook1"], ids["hook2"])

        assert ids_in(everybody.get("/deliveries")) == [3, 2, 1, 5, 4]  # the last two wait
        assert ids_in(everybody.get("/deliveries?after=0~2")) == [1, 5, 4]
        assert ids_in(everybody.get("/deliveries?after=1~5&channel=hook")) == []
        assert ids_in(people["bob"].get("/deliveries")) == [mine]
        assert people["bob"].get(f"/deliveries/{theirs}").status_code == 404
        assert people["bob"].get("/deliveries/99999").status_code == 404
        assert "gave_up" in people["bob"].get(f"/deliveries/{mine}").text
        assert post(people["bob"], f"/deliveries/{theirs}/retry").status_code == 404
        assert post(people["vera"], f"/deliveries/{mine}/retry").status_code == 403
        assert post(people["vera"], "/deliveries/retry-failed").status_code == 403
        assert [each.id for each in world.deliveries(state=DeliveryState.FAILED)] == [1, 2, 3]
        assert acts(world) == []

        assert post(people["bob"], f"/deliveries/{mine}/retry").status_code == 303
        assert [each.id for each in world.deliveries(state=DeliveryState.FAILED)] == [2, 3]
        assert post(people["eve"], "/deliveries/retry-failed").headers["location"] == "/deliveries?done=2"
        assert not world.deliveries(state=DeliveryState.FAILED)
        assert post(everybody, "/deliveries/retry-failed").headers["location"] == "/deliveries?done=0"
        assert acts(world) == [("delivery_retried", "channel:hook"), ("delivery_retried", "")]

        assert re.findall(r'id="channel-([\w-]+)"', everybody.get("/channels").text) == list(CHANNELS)
        assert re.findall(r'id="channel-([\w-]+)"', people["eve"].get("/channels").text) == ["harbour-hook"]
        assert re.findall(r'id="channel-([\w-]+)"', people["bob"].get("/channels").text) == []
        page = everybody.get("/channels").text
        assert not [each for each in (SECRET, "hunter2", NOBODY, "slack://") if each in page]
        assert "headers.X-Key" in page
        assert post(people["bob"], "/channels/harbour-hook/test").status_code == 404
        assert post(everybody, "/channels/none/test").status_code == 404
        assert post(everybody, "/channels/off/test").status_code == 422
        assert post(people["eve"], "/channels/harbour-hook/test").status_code == 303
        (test,) = [each for each in world.alerts() if each.kind is AlertKind.TEST]
        assert [each.channel for each in world.deliveries(alert_id=test.id)] == ["harbour-hook"]
        assert acts(world)[2:] == [("channel_tested", "channel:harbour-hook")]


def deliver(world: World) -> None:
    """Deliver in another thread: this one has playwright's event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(world.deliver_due).result()


@pytest.mark.needs("chromium")
def test_a_test_is_sent_by_the_daemon_and_its_outcome_appears(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    world, settings = make_world(sqlite_database)
    world.add_finding("1")
    deliver(world)
    for number, words in enumerate(CORPUS.values()):
        harmless = words.replace("\ud800", "?").replace("\0", "")[:500]
        world.judging.evaluate(world.match(world.crawl(f"h{number}", text=str(number), title=harmless)))
    with running_console(world.database, evidence, world.clock, settings=settings) as console:
        with opened(browser, console, console.add_person()) as page:
            page.goto("/channels")
            page.click("section:has(#channel-hook) button")
            expect(page.locator("#test .badge")).to_have_text("waiting")
            deliver(world)
            expect(page.locator("#test .badge")).to_have_text("failed", timeout=15_000)
            expect(page.locator("#test")).to_contain_text("The connection to the server failed.")
        for number, width in enumerate((WIDTHS["phone"], WIDTHS["wide"])):
            token = console.add_person(f"p{number}", language="zh" if number else "en")
            with opened(browser, console, token, width=width, color_scheme=("light", "dark")[number]) as page:
                for name in ("/deliveries", "/deliveries/1", "/channels?test=2"):
                    page.goto(name)
                    found = Axe().run(page)
                    assert found.violations_count == 0, found.generate_report()
                    assert page.evaluate("document.documentElement.scrollWidth") <= width
        with opened(browser, console, console.add_person("noscript"), scripts=False) as page:
            page.goto("/deliveries?state=failed")
            page.click("text=Send all failed ones again")
            expect(page.locator("[role=status]")).to_contain_text("due again")
