"""Who looks after whom: the pages of people, for each role."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from storage.database.base import Database
from storage.sign_in_limits import RULES, LimitKind
from storage.users import Grant, Role, User
from tests.alerts.world import World
from tests.clocks import Clock
from tests.web.people import GUESS, PASSWORD, entries, is_signed_in, join, send, sign_in
from tests.web.running import RunningConsole, form_token
from tests.web.test_second_factors import SECOND, add_app
from web.access import passwords

PEOPLE: Mapping[str, Mapping[str | None, Role]] = {
    "anna": {None: Role.ADMIN},
    "hilda": {"harbour": Role.ADMIN},
    "hans": {"harbour": Role.ANALYST},
    "quentin": {"qudian": Role.ADMIN},
    "both": {"harbour": Role.VIEWER, "qudian": Role.VIEWER},
}


@pytest.fixture
def world(sqlite_database: Database) -> World:
    """On SQLite: the pages ask nothing that tests of storage do not ask on both."""
    return World(sqlite_database)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 64, 1))


@pytest.fixture
def clients(console: RunningConsole, world: World) -> dict[str, httpx.Client]:
    """People of two companies, who are signed in."""
    world.declare_second_company()
    return {name: join(console, name, roles) for name, roles in PEOPLE.items()}


@pytest.fixture
def ids(clients: dict[str, httpx.Client], console: RunningConsole) -> dict[str, int]:
    with console.database.reading() as session:
        return {row[0]: row[1] for row in session.execute(select(User.name, User.id))}


def act(client: httpx.Client, path: str, **fields: str) -> int:
    """Send a form with a token of one's own account; return the status."""
    token = form_token(client.get("/account"))
    return client.post(path, data={"csrf": token, **fields}).status_code


def roles_of(console: RunningConsole, name: str) -> dict[int | None, str]:
    with console.database.reading() as session:
        query = select(Grant).join(User, User.id == Grant.user_id).where(User.name == name)
        return {grant.company_id: grant.role.value for grant in session.scalars(query)}


def test_an_admin_sees_the_people_of_the_own_companies_only(
    clients: dict[str, httpx.Client], ids: dict[str, int]
) -> None:
    """What belongs to other companies is not there: neither names, nor roles, nor numbers that answer."""
    seen = {
        name: re.findall(r'<a href="/people/\d+">(\w+)<', client.get("/people").text)
        for name, client in clients.items()
    }
    assert seen == {
        "anna": sorted(PEOPLE),
        "hilda": ["both", "hans", "hilda"],
        "hans": [],
        "quentin": ["both", "quentin"],
        "both": [],
    }
    assert [clients[name].get("/people").status_code for name in ("hans", "both")] == [403, 403]
    for page in ("/people", f"/people/{ids['both']}"):
        assert "qudian" not in clients["hilda"].get(page).text
    assert [clients["hilda"].get(f"/people/{ids[name]}").status_code for name in ("anna", "quentin")] == [
        404,
        404,
    ]


def test_who_may_change_whom(clients: dict[str, httpx.Client], ids: dict[str, int]) -> None:
    """Each act, by each person, on each other one: done (303, 200), refused (403), or not there (404)."""
    acts = ("link", "end-sessions", "lift-limits", "remove-factors", "enable", "role")
    done = {"link": 200}
    for act_name in acts:
        fields = {"company": "harbour", "role": "viewer"} if act_name == "role" else {}
        found = {
            (who, whom): act(clients[who], f"/people/{ids[whom]}/{act_name}", **fields)
            for who, whom in (
                ("hilda", "both"),
                ("hilda", "quentin"),
                ("hilda", "anna"),
                ("hilda", "hilda"),
                ("anna", "anna"),
                ("hans", "hans"),
                ("hans", "both"),
                ("both", "hans"),
            )
        }
        ok = done.get(act_name, 303)
        assert found == {
            ("hilda", "both"): 403,
            ("hilda", "quentin"): 404,
            ("hilda", "anna"): 404,
            ("hilda", "hilda"): 403,
            ("anna", "anna"): 403,
            ("hans", "hans"): 403,
            ("hans", "both"): 403,
            ("both", "hans"): 403,
        }, act_name
        assert act(clients["hilda"], f"/people/{ids['hans']}/{act_name}", **fields) == ok
        if act_name == "end-sessions":
            clients["hans"] = _again(clients["hans"], "hans")
        if act_name == "remove-factors":
            clients["hans"] = _again(clients["hans"], "hans")


def _again(client: httpx.Client, name: str) -> httpx.Client:
    client.cookies.clear()
    assert sign_in(client, name) == "/"
    return client


def test_nobody_gives_what_is_not_theirs(
    console: RunningConsole, clients: dict[str, httpx.Client], ids: dict[str, int]
) -> None:
    before = {name: roles_of(console, name) for name in PEOPLE}
    hilda, hans = clients["hilda"], f"/people/{ids['hans']}/role"
    assert act(hilda, hans, company="qudian", role="viewer") == 404
    assert act(hilda, hans, company="all", role="viewer") == 403
    assert act(hilda, hans, company="harbour", role="owner") == 422
    assert act(clients["anna"], f"/people/{ids['anna']}/role", company="all", role="viewer") == 403
    for company, code in (("qudian", 404), ("all", 403)):
        assert act(hilda, "/people/invite", name="new", role="viewer", company=company) == code
    assert {name: roles_of(console, name) for name in PEOPLE} == before

    assert act(hilda, hans, company="harbour", role="admin") == 303
    assert list(roles_of(console, "hans").values()) == ["admin"]
    assert act(clients["anna"], f"/people/{ids['both']}/role", company="qudian", role="") == 303
    assert len(roles_of(console, "both")) == 1
    assert act(hilda, f"/people/{ids['both']}/role", company="harbour", role="") == 303
    assert hilda.get(f"/people/{ids['both']}").status_code == 404


def test_an_invitation_from_the_page(console: RunningConsole, clients: dict[str, httpx.Client]) -> None:
    """The link is shown once, and is in no address. A name is given once."""
    fields = {"name": "Ida", "role": "analyst", "company": "harbour", "language": "zh"}
    shown = send(clients["hilda"], "/people", "/people/invite", **fields)
    again = send(clients["hilda"], "/people", "/people/invite", **fields)
    link = re.search(r'class="link">http://127.0.0.1:0(/welcome/[\w-]+)<', shown.text)
    assert link
    assert (shown.status_code, again.status_code) == (200, 422)
    ida = console.client()
    page = ida.get(link[1])
    fields = {"csrf": form_token(page), "name": "ida", "password": PASSWORD, "again": PASSWORD}
    assert ida.post(link[1], data=fields).status_code == 303
    assert 'lang="zh-CN"' in ida.get("/").text
    assert ("hilda", "person_invited", "person:ida") in entries(console)


def test_a_disabled_person_is_out_at_once(
    console: RunningConsole, clients: dict[str, httpx.Client], ids: dict[str, int]
) -> None:
    assert act(clients["hilda"], f"/people/{ids['hans']}/disable") == 303
    assert not is_signed_in(clients["hans"])
    assert sign_in(console.client(), "hans") == "/sign-in?problem=refused"
    assert act(clients["hilda"], f"/people/{ids['hans']}/enable") == 303
    assert sign_in(console.client(), "hans") == "/"


def test_a_link_takes_the_place_of_the_password_only(
    console: RunningConsole, world: World, clients: dict[str, httpx.Client], ids: dict[str, int]
) -> None:
    """Whoever steals the link of a person with a second factor is asked for it."""
    clock: Clock = world.clock
    totp, _ = add_app(clients["hans"], clock)
    shown = send(clients["hilda"], f"/people/{ids['hans']}", f"/people/{ids['hans']}/link")
    link = re.search(r"(/welcome/[\w-]+)<", shown.text)
    assert link
    client = console.client()
    answer = send(client, link[1], name="other", password=GUESS, again=GUESS)
    assert (answer.headers["location"], is_signed_in(client)) == ("/sign-in", False)
    assert sign_in(client, "hans", GUESS) == SECOND
    clock.advance(seconds=30)
    assert send(client, SECOND, code=totp.at(clock())).headers["location"] == "/"
    assert not is_signed_in(clients["hans"])


def test_an_admin_lifts_blocks(console: RunningConsole, clients: dict[str, httpx.Client]) -> None:
    """People are named, and nothing that a stranger typed is shown."""
    for name in ("hans", "hunter2-my-password"):
        for _ in range(RULES[LimitKind.NAME].failures + 1):
            sign_in(console.client(), name, GUESS)
    page = clients["anna"].get("/people").text
    keys = re.findall(r'name="key" value="(\w+)"', page)
    assert len(keys) == 2
    assert "Name: hans" in page
    assert "hunter2" not in page
    assert "blocked for now" in clients["hilda"].get("/people").text
    assert 'name="key"' not in clients["hilda"].get("/people").text
    for key in keys:
        assert act(clients["hilda"], "/people/limits/lift", key=key) == 403
        assert act(clients["anna"], "/people/limits/lift", key=key) == 303
    assert act(clients["anna"], "/people/limits/lift", key=keys[0]) == 404
    assert sign_in(console.client(), "hans") == "/"
