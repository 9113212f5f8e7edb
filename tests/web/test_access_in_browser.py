"""The first admin's way in, second factors and sessions, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect
from sqlalchemy import update

from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.users import Role, User
from tests.alerts.world import World
from tests.clocks import Clock
from tests.peers.browser import opened
from tests.web.people import PASSWORD, invite, join
from tests.web.running import RunningConsole, running_console

pytestmark = pytest.mark.needs("chromium")
#: A device with a fingerprint reader, whose person always agrees.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database)


@pytest.fixture
def console(world: World, evidence: EvidenceStore) -> Iterator[RunningConsole]:
    """By the name localhost: browsers have no passkeys for an address of numbers."""
    with running_console(world.database, evidence, world.clock) as running:
        yield replace(running, url=running.url.replace("127.0.0.1", "localhost"))


@contextmanager
def with_passkeys(page: Page) -> Iterator[None]:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield


def _welcome(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()


def _sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def _sent_again(request: Request) -> str:
    """Send what the browser sent, with its cookies; return where the answer leads."""
    kept = {name: value for name, value in request.all_headers().items() if not name.startswith(":")}
    kept.pop("content-length", None)
    answer = httpx.post(request.url, content=request.post_data, headers=kept, trust_env=False)
    return request.url.removesuffix("/sign-in/passkey") + answer.headers["location"]


def _violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]


def test_from_the_link_to_a_second_factor_and_back_in(
    console: RunningConsole, world: World, browser: Browser
) -> None:
    """An app by its secret, recovery codes shown once, then signing in with a code; all of it with axe."""
    clock: Clock = world.clock
    link = invite(console, "anna")
    with opened(browser, console) as page:
        wrong: list[str] = []
        page.goto(link)
        wrong += _violations(page)
        _welcome(page, link)
        expect(page.get_by_role("status")).to_contain_text("second factor")
        wrong += _violations(page)
        totp = pyotp.TOTP(page.locator(".secret").inner_text())
        page.get_by_label("Code of six digits").fill(totp.at(clock()))
        page.get_by_role("button", name="Add the app").click()
        expect(page.locator(".codes li")).to_have_count(10)
        codes = page.locator(".codes li").all_inner_texts()
        page.get_by_role("link", name="I have kept them").click()
        page.goto("/account")
        wrong += _violations(page)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_have_text("You are signed out.")
        wrong += _violations(page)

        clock.advance(seconds=60)
        _sign_in(page)
        page.get_by_label("Code of your app").fill(totp.at(clock()))
        wrong += _violations(page)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    assert wrong == []

    with opened(browser, console, scripts=False, locale="zh-CN") as page:
        page.goto("/sign-in")
        page.locator("input[name=name]").fill("anna")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("form[action='/sign-in'] button").click()
        page.locator("input[name=code]").fill(codes[0].lower())
        page.locator("form:has(input[name=code]) button").click()
        page.goto("/account")
        expect(page.locator("tbody tr")).to_have_count(2)
        page.locator("button[value=others]").click()
        expect(page.locator("tbody tr")).to_have_count(1)


def test_a_passkey_is_added_and_signs_in(console: RunningConsole, browser: Browser) -> None:
    """Without a password, and as the second factor after one. Removed, it no longer does."""
    with opened(browser, console) as page, with_passkeys(page):
        _welcome(page, invite(console, "anna"))
        page.get_by_label("Its name").fill("work laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.locator(".codes li")).to_have_count(10)
        sent: list[Request] = []
        page.on("request", lambda each: sent.append(each) if each.url.endswith("/sign-in/passkey") else None)
        for _ in range(2):
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Sign in with a passkey").click()
            expect(page.get_by_role("heading", name="Findings")).to_be_visible()
        assert _sent_again(sent[-1]) == f"{console.url}/sign-in?problem=refused"

        page.get_by_role("button", name="Sign out").click()
        _sign_in(page)
        assert _violations(page) == []
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="Findings")).to_be_visible()
        page.goto("/account/second-factor")
        expect(page.locator("strong")).to_have_text("work laptop")
        page.get_by_role("button", name="Remove the passkey work laptop").click()
        expect(page.get_by_role("status")).to_have_text("The passkey is removed.")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert").first).to_contain_text("did not work")


def test_people_on_a_phone_in_the_dark(console: RunningConsole, world: World, browser: Browser) -> None:
    """Also in Chinese: nothing is wider than the screen, and axe finds nothing."""
    world.declare_second_company()
    token = join(console, "anna").cookies["spillwatch_session"]
    console.add_person("bob", {"qudian": Role.ANALYST, "harbour": Role.VIEWER}, language="zh")
    with console.database.transaction() as session:
        session.execute(update(User).values(language="zh"))
    with opened(browser, console, token, width=360, color_scheme="dark") as page:
        for address in ("/people", "/people/2", "/account", "/account/second-factor"):
            page.goto(address)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert (address, wide, _violations(page)) == (address, 360, [])
