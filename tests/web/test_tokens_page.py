"""The page of service tokens: making one, which is shown once, and ending one."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import Request
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from storage.audit_log import AuditEntry
from storage.service_tokens import TokenScope
from storage.users import Role
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, form_token
from web.access.tokens import ApiCaller, api_caller
from web.errors import ServiceTokenRefused

FORM: dict[str, str | list[str]] = {
    "name": "SIEM",
    "company": "qudian",
    "days": "30",
    "scope": ["findings:read", "exports:read"],
}


def _asked(console: RunningConsole, token: str) -> ApiCaller:
    header = (b"authorization", f"Bearer {token}".encode())
    return api_caller(Request({"type": "http", "headers": [header]}), console.console)


def _sent(reader: httpx.Client, path: str = "/tokens", **form: str | list[str]) -> httpx.Response:
    return reader.post(path, data={"csrf": form_token(reader.get("/tokens")), **form})


def test_a_token_is_made_shown_once_and_ended(console: RunningConsole, world: World) -> None:
    admin = console.signed_in("root")

    made = _sent(admin, "/tokens", **FORM)

    (token,) = re.findall(r'<code class="token">(\S+)</code>', made.text)
    caller = _asked(console, token)
    assert caller.name == "token:siem"
    assert caller.scopes == frozenset({TokenScope.FINDINGS_READ, TokenScope.EXPORTS_READ})
    assert caller.company_id is not None
    again = admin.get("/tokens").text
    assert token not in again
    assert "in force" in again

    ended = _sent(admin, "/tokens/siem/end")
    assert (ended.status_code, ended.headers["location"]) == (303, "/tokens?done=ended")
    with pytest.raises(ServiceTokenRefused):
        _asked(console, token)
    assert _sent(admin, "/tokens/none/end").status_code == 404
    with console.database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(each.actor, each.action, each.subject) for each in entries] == [
            ("root", "token_made", "token:siem"),
            ("root", "token_ended", "token:siem"),
        ]
        expires_at = world.clock() + timedelta(days=30)
        assert entries[0].detail == {
            "scopes": ["exports:read", "findings:read"],
            "expires_at": expires_at.isoformat(timespec="seconds"),
        }
        assert token not in str([vars(each) for each in entries])


def test_what_a_form_cannot_have_is_said(console: RunningConsole) -> None:
    """What was typed stays in the form, and nothing is made."""
    admin = console.signed_in("root")
    assert _sent(admin, "/tokens", **FORM).status_code == 200
    cases: tuple[tuple[dict[str, str | list[str]], str], ...] = (
        ({"name": "two words"}, "A name has 1 to 63"),
        ({"name": "x" * 64}, "A name has 1 to 63"),
        ({"scope": []}, "Choose one scope"),
        ({"scope": ["findings:read", "everything"]}, "Choose one scope"),
        ({"days": "401"}, "Choose 1 to 400 days"),
        ({"days": "0"}, "Choose 1 to 400 days"),
        ({"days": "１２"}, "Choose 1 to 400 days"),
        ({"days": "-5"}, "Choose 1 to 400 days"),
        ({"company": "none"}, "There is no such company"),
        ({}, "A token has this name"),
    )
    for wrong, said in cases:
        answer = _sent(admin, "/tokens", **{**FORM, "name": "siem", **wrong})
        assert (answer.status_code, said in answer.text) == (422, True), wrong
    assert admin.get("/tokens").text.count("token:") == 0


def test_only_admins_of_the_installation_may(console: RunningConsole) -> None:
    asked: tuple[tuple[str, dict[str | None, Role]], ...] = (
        ("ada", {"qudian": Role.ADMIN}),
        ("vic", {None: Role.ANALYST}),
    )
    for name, roles in asked:
        reader = console.signed_in(name, roles)
        csrf = {"csrf": form_token(reader.get("/"))}
        assert reader.get("/tokens").status_code == 403
        assert reader.post("/tokens", data={**FORM, **csrf}).status_code == 403
        assert reader.post("/tokens/siem/end", data=csrf).status_code == 403


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_in_a_browser(console: RunningConsole, browser: Browser) -> None:
    """With scripts off, on a phone; axe finds nothing."""
    token = console.add_person("root", language="zh")
    with opened(browser, console, token, width=WIDTHS["phone"], scripts=False) as page:
        page.goto("/tokens")
        page.fill("input[name=name]", "siem")
        page.check("input[value='findings:read']")
        page.click(".new-token button")
        expect(page.locator("code.token")).to_contain_text("spillwatch_")
    with opened(browser, console, token, width=WIDTHS["phone"], color_scheme="dark") as page:
        page.goto("/tokens")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert Axe().run(page).violations_count == 0
