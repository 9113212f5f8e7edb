"""The page of mutes: tried, stored, ended; only for one's own companies."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from storage.audit_log import AuditEntry
from storage.database.base import Database
from storage.mutes import Mute
from storage.users import Role
from tests.alerts.samples import email_channel
from tests.alerts.world import World
from tests.peers.browser import opened
from tests.web.running import RunningConsole, form_token


@pytest.fixture
def world(database: Database) -> World:
    made = World(database, channels={"mail": email_channel(25)})
    made.declare_second_company()
    made.add_finding("1")
    made.add_finding("2", company="harbour")
    return made


def stored(console: RunningConsole) -> list[tuple[int, str, str]]:
    with console.database.reading() as session:
        found = session.scalars(select(Mute).order_by(Mute.id))
        return [(each.company_id, each.by, each.reason) for each in found]


@pytest.mark.parametrize(
    ("role", "company", "reason", "status"),
    [
        (Role.ANALYST, "qudian", "known", 303),
        (Role.ANALYST, "qudian", " ", 422),
        (Role.VIEWER, "qudian", "known", 403),
        (Role.ANALYST, "harbour", "known", 404),
        (Role.ANALYST, "nobody", "known", 404),
    ],
)
def test_who_may_mute_what(
    console: RunningConsole, role: Role, company: str, reason: str, status: int
) -> None:
    client = console.signed_in("anna", {"qudian": role})
    form = {"csrf": form_token(client.get("/mutes")), "company": company, "reason": reason, "step": "store"}
    assert client.post("/mutes", data=form).status_code == status
    assert stored(console) == ([(1, "anna", "known")] if status == 303 else [])
    with console.database.reading() as session:
        acts = [(each.action, each.company_id) for each in session.scalars(select(AuditEntry))]
    assert acts == ([("mute_changed", 1)] if status == 303 else [])


def test_a_mute_of_another_company_is_not_there(console: RunningConsole) -> None:
    anna = console.signed_in("anna", {"qudian": Role.ANALYST})
    form = {"csrf": form_token(anna.get("/mutes")), "company": "qudian", "reason": "known", "step": "store"}
    anna.post("/mutes", data=form)
    eve = console.signed_in("eve", {"harbour": Role.ADMIN})
    page = eve.get("/mutes")
    ended = eve.post("/mutes/1/end", data={"csrf": form_token(page)})
    never = eve.post("/mutes/99/end", data={"csrf": form_token(page)})
    assert ("known" in page.text, ended.status_code, ended.text) == (False, 404, never.text)


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_mute_is_tried_stored_and_ended(console: RunningConsole, browser: Browser, scripts: bool) -> None:
    token = console.add_person("anna", {"qudian": Role.ANALYST})
    with opened(browser, console, token, scripts=scripts, width=360) as page:
        page.goto("/mutes")
        page.get_by_label("Reason").fill("they sell the same list each week")
        page.get_by_role("button", name="Try it on the last 90 days").click()
        expect(page.get_by_role("status")).to_contain_text("silenced 1 message of 1, about 1 finding")
        expect(page.get_by_label("Reason")).to_have_value("they sell the same list each week")
        page.get_by_role("button", name="Mute", exact=True).click()
        expect(page.locator("tbody tr")).to_contain_text("they sell the same list each week")
        page.get_by_role("button", name="End it").click()
        expect(page.locator("tbody")).to_contain_text("No mute.")
