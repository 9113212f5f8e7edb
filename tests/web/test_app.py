"""Requests that no page may answer: strangers, other hosts, large bodies, forged changes."""

from __future__ import annotations

from storage.users import Role
from tests.alerts.world import World
from tests.web.running import RunningConsole
from web.security import HEADERS, MAX_BODY_BYTES


def test_a_stranger_is_sent_to_sign_in(console: RunningConsole) -> None:
    answer = console.client().get("/?state=new")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F%3Fstate%3Dnew")


def test_every_answer_has_the_headers(console: RunningConsole) -> None:
    stranger = console.client()
    for answer in (stranger.get("/"), stranger.get("/static/console.css"), console.signed_in().get("/none")):
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)


def test_another_host_is_refused(console: RunningConsole) -> None:
    assert console.client().get("/", headers={"Host": "evil.example"}).status_code == 421


def test_a_large_body_is_refused(console: RunningConsole) -> None:
    assert console.signed_in().post("/", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


def test_only_findings_of_ones_companies_are_shown(console: RunningConsole, world: World) -> None:
    world.declare_second_company()
    world.add_finding()
    (alert,) = world.alerts()
    address = f'href="/findings/{alert.reference}"'
    shown = {
        name: address in console.signed_in(name, {company: Role.VIEWER}).get("/").text
        for name, company in (("anna", None), ("bob", "qudian"), ("eve", "harbour"))
    }
    assert shown == {"anna": True, "bob": True, "eve": False}
