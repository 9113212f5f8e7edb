"""Codes of an app, recovery codes and the account's changes, on both databases."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage.sign_in_limits import RULES, LimitKind
from storage.users import User, UserSession
from tests.alerts.world import World
from tests.clocks import Clock
from tests.web.people import GUESS, PASSWORD, entries, is_signed_in, join, send, sign_in
from tests.web.running import RunningConsole, form_token
from web.access import passwords
from web.access.keys import ConsoleKeys
from web.access.totp import opened_secret

SECOND = "/sign-in/second-factor"
PAGE = "/account/second-factor"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 64, 1))


@pytest.fixture
def clock(world: World) -> Clock:
    return world.clock


def add_app(client: httpx.Client, clock: Clock, password: str = "") -> tuple[pyotp.TOTP, list[str]]:
    """Add an app from the page; return it and the recovery codes that were shown."""
    page = client.get(PAGE).text
    secret = re.search(r'class="secret">(\w+)<', page)
    set_up = re.search(r'name="set_up" value="([^"]+)"', page)
    assert secret and set_up
    totp = pyotp.TOTP(secret[1])
    fields = {"set_up": set_up[1], "code": totp.at(clock()), "password": password}
    shown = send(client, PAGE, f"{PAGE}/app", **fields)
    return totp, re.findall(r"<li>([A-Z2-9-]+)</li>", shown.text)


def give_code(client: httpx.Client, code: str) -> str:
    answer = send(client, SECOND, code=code)
    return answer.headers["location"]


def test_a_code_works_once(console: RunningConsole, clock: Clock) -> None:
    """Neither the code that set the app up nor one that somebody saw being typed lets anybody in."""
    totp, _ = add_app(join(console, "anna"), clock)
    first, second = console.client(), console.client()
    assert [sign_in(client, "anna") for client in (first, second)] == [SECOND, SECOND]
    assert not is_signed_in(first)
    assert give_code(first, totp.at(clock())) == f"{SECOND}?problem=refused"
    clock.advance(seconds=30)
    code = totp.at(clock())
    assert give_code(first, code) == "/"
    assert give_code(second, code) == f"{SECOND}?problem=refused"
    clock.advance(minutes=2)
    assert give_code(second, code) == f"{SECOND}?problem=refused"
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_a_recovery_code_works_once(console: RunningConsole, clock: Clock) -> None:
    _, codes = add_app(join(console, "anna"), clock)
    answers = []
    for _ in range(2):
        client = console.client()
        sign_in(client, "anna", next="/listings")
        answers.append(send(client, SECOND, code=codes[3].lower(), next="/listings").headers["location"])
    assert answers == ["/listings", f"{SECOND}?problem=refused&next=%2Flistings"]
    assert (len(codes), len(set(codes))) == (10, 10)


def test_codes_cannot_be_tried(console: RunningConsole, clock: Clock) -> None:
    """The blocks double, whichever browser tries, and also with new sign-ins in between."""
    totp, _ = add_app(join(console, "anna"), clock)
    waits = []
    for _ in range(3):
        client = console.client()
        sign_in(client, "anna")
        for _ in range(RULES[LimitKind.SECOND_FACTOR].failures):
            assert give_code(client, "000000") == f"{SECOND}?problem=refused"
        assert give_code(client, "000000") == f"{SECOND}?problem=blocked"
        began = clock()
        while True:
            clock.advance(minutes=5)
            sign_in(client, "anna")
            if give_code(client, totp.at(clock())[::-1]) != f"{SECOND}?problem=blocked":
                break
        waits.append((clock() - began).total_seconds() / 60)
        clock.advance(minutes=15)
    assert waits == [15, 30, 60]


def test_half_a_sign_in_is_for_one_browser_and_ten_minutes(console: RunningConsole, clock: Clock) -> None:
    totp, _ = add_app(join(console, "anna"), clock)
    client, thief = console.client(), console.client()
    sign_in(client, "anna")
    thief.get("/sign-in")
    thief.cookies.set("spillwatch_half_way", client.cookies["spillwatch_half_way"])
    assert thief.get(SECOND).headers["location"] == "/sign-in?problem=late"
    assert client.get(SECOND).status_code == 200
    token = form_token(client.get(SECOND))
    clock.advance(minutes=10)
    late = client.post(SECOND, data={"csrf": token, "code": totp.at(clock())})
    assert late.headers["location"] == "/sign-in?problem=late"


def test_the_database_alone_makes_no_codes(console: RunningConsole, clock: Clock) -> None:
    """The secret is encrypted for its person with a key beside the evidence, which only its owner reads."""
    totp, _ = add_app(join(console, "anna"), clock)
    with console.database.reading() as session:
        user = session.scalars(select(User)).one()
    key: Path = console.console.evidence.folder / "console.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert user.totp_secret is not None
    assert totp.secret not in user.totp_secret
    keys = ConsoleKeys(key.read_bytes())
    opened = [opened_secret(keys, owner, user.totp_secret) for owner in (user.id, user.id + 1)]
    assert opened == [totp.secret, None]
    assert opened_secret(ConsoleKeys(bytes(32)), user.id, user.totp_secret) is None


def test_a_change_of_factors_asks_for_the_password_later(console: RunningConsole, clock: Clock) -> None:
    """Within ten minutes of signing in it does not. Trying passwords there is limited, too."""
    client = join(console, "anna")
    clock.advance(minutes=11)
    assert add_app(client, clock)[1] == []
    assert add_app(client, clock, GUESS)[1] == []
    assert len(add_app(client, clock, PASSWORD)[1]) == 10
    answers = [send(client, PAGE, f"{PAGE}/app/remove", password=GUESS) for _ in range(11)]
    assert {each.status_code for each in answers} == {422}
    assert "too many attempts" in answers[-1].text
    clock.advance(minutes=16)
    gone = send(client, PAGE, f"{PAGE}/app/remove", password=PASSWORD)
    assert gone.headers["location"] == f"{PAGE}?done=app_removed"
    assert sign_in(console.client(), "anna") == "/"
    assert ("anna", "second_factor_changed", "person:anna") in entries(console)


def test_another_password_ends_every_other_session(console: RunningConsole) -> None:
    other, client = join(console, "anna"), console.client()
    sign_in(client, "anna")
    before = client.cookies["spillwatch_session"]
    changed = send(client, "/account", "/account/password", password=GUESS, again=GUESS)
    assert changed.headers["location"] == "/account?done=password"
    assert (is_signed_in(client), is_signed_in(other), is_signed_in(console.client(before))) == (
        True,
        False,
        False,
    )
    assert [sign_in(console.client(), "anna", each) for each in (PASSWORD, GUESS)] == [
        "/sign-in?problem=refused",
        "/",
    ]


def test_preferences_are_ones_own(console: RunningConsole) -> None:
    client = join(console, "anna")
    wrong = send(client, "/account", "/account/preferences", language="xx", zone="UTC", theme="")
    send(client, "/account", "/account/preferences", language="zh", zone="Asia/Shanghai", theme="dark")
    page = client.get("/account").text
    assert wrong.status_code == 422
    assert 'lang="zh-CN" data-theme="dark"' in page
    assert "<option selected>Asia/Shanghai</option>" in page


def test_only_ones_own_sessions_can_be_ended(console: RunningConsole) -> None:
    anna, bob = join(console, "anna"), join(console, "bob")
    with console.database.reading() as session:
        ids = dict(iter(session.execute(select(User.name, UserSession.id).join_from(User, UserSession))))
    answers = [
        send(anna, "/account", "/account/sessions/end", which=str(which))
        for which in (ids["bob"], 10**30, "x")
    ]
    assert [each.status_code for each in answers] == [404, 404, 404]
    assert is_signed_in(bob)


def test_a_required_second_factor_comes_before_everything(console: RunningConsole, clock: Clock) -> None:
    """Nothing but the account is shown without one; who signs in by a provider is left to it."""
    web = WebSettings(listen="127.0.0.1:0", require_second_factor=True)
    object.__setattr__(console.console, "settings", replace_web(console.console.settings, web))
    client = join(console, "anna")
    assert client.get("/").headers["location"] == PAGE
    add_app(client, clock)
    assert is_signed_in(client)
    by_provider = join(console, "bob")
    with console.database.transaction() as session:
        session.execute(update(UserSession).values(method="provider"))
    assert is_signed_in(by_provider)


def test_who_signs_in_by_a_provider_gets_no_way_around_it(console: RunningConsole, clock: Clock) -> None:
    """No password and no passkey of ours: they would still let somebody in who has left the company."""
    client = console.signed_in("anna")
    assert "identity provider" in client.get("/account").text
    assert 'class="qr"' not in client.get(PAGE).text
    changes = {
        "/account/password": {"password": PASSWORD, "again": PASSWORD},
        f"{PAGE}/passkeys": {"credential": "{}"},
        f"{PAGE}/app": {"code": "123456"},
    }
    for path, fields in changes.items():
        assert send(client, "/account", path, **fields).status_code == 404


def replace_web(settings: Settings, web: WebSettings) -> Settings:
    return settings.model_copy(update={"web": web})
