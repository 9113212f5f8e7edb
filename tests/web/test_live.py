"""Live updates: what a page is told, what it is not, and when the stream ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import insert, select

from storage import triage
from storage.alerts import Alert, TriageState, lock_alert
from storage.database.base import Database
from storage.users import Role, UserSession
from storage.visible.findings import NEWS
from tests.alerts.world import World
from tests.web.running import RunningConsole
from web.live import MOST_OF_PERSON, LiveFeed


@pytest.fixture
def quick(console: RunningConsole) -> RunningConsole:
    """A console that looks every twentieth of a second."""
    console.app.state.live = LiveFeed(console.console, look_s=0.05)
    return console


def add(world: World, key: str, **found: Any) -> None:
    world.judging.evaluate(world.match(world.crawl(key, text=key), **found))


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, data) of the events in a stream."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def opened(lines: Iterator[str]) -> None:
    """Wait until the stream is open."""
    assert next(lines) == ": open"


def test_each_page_is_told_what_its_person_may_see(quick: RunningConsole, world: World) -> None:
    """A new finding reaches the pages of its company with its row, and no other page."""
    world.declare_second_company()
    bob, eve = (
        quick.signed_in("bob", {"qudian": Role.VIEWER}),
        quick.signed_in("eve", {"harbour": Role.ADMIN}),
    )
    with bob.stream("GET", "/live") as first, eve.stream("GET", "/live") as second:
        of_bob, of_eve = first.iter_lines(), second.iter_lines()
        opened(of_bob)
        opened(of_eve)
        add(world, "1")
        add(world, "2", company="harbour")
        told_bob, told_eve = next(events(of_bob)), next(events(of_eve))
    ours, theirs = world.alerts()

    assert first.headers["content-type"].startswith("text/event-stream")
    assert told_bob[0] == told_eve[0] == "finding"
    assert (told_bob[1]["reference"], told_bob[1]["fits"]) == (ours.reference, True)
    assert f'href="/findings/{ours.reference}"' in told_bob[1]["html"]
    assert "checkbox" not in told_bob[1]["html"]
    assert told_eve[1]["reference"] == theirs.reference
    assert "checkbox" in told_eve[1]["html"]


def test_a_page_that_connects_again_misses_nothing(quick: RunningConsole, world: World) -> None:
    """What changed while nobody listened is told first; what does not fit the choices is marked so."""
    at = world.clock().isoformat()
    world.clock.advance(minutes=2)
    add(world, "1")
    world.clock.advance(minutes=2)
    with world.database.transaction() as session:
        alert = lock_alert(session, 1)
        assert alert is not None
        triage.change_state(session, alert, TriageState.RESOLVED, by="bob", reason="sold", now=world.clock())
    world.clock.advance(minutes=2)
    client = quick.signed_in()
    told: list[tuple[str, str, bool]] = []
    for headers, query in (
        ({"Last-Event-ID": at}, {}),
        ({}, {"at": at, "state": "all"}),
        ({"Last-Event-ID": "nonsense"}, {"at": "9999-01-01T00:00:00+00:00"}),
    ):
        with client.stream("GET", "/live", params=query, headers=headers) as stream:
            lines = stream.iter_lines()
            opened(lines)
            if len(told) == 2:
                add(world, "2")
            name, data = next(events(lines))
            told.append((name, data["reference"], data["fits"]))
    first, second = world.alerts()

    assert told == [
        ("finding", first.reference, False),
        ("finding", first.reference, True),
        ("finding", second.reference, True),
    ]


def test_the_stream_ends_with_the_session(quick: RunningConsole, world: World, database: Database) -> None:
    """A session that is ended elsewhere is told so, and nothing more."""
    client = quick.signed_in()
    with client.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        opened(lines)
        with database.transaction() as session:
            held = session.get(UserSession, 1)
            assert held is not None
            held.ended_at = world.clock()
        told = list(events(lines))

    assert told == [("ended", {})]
    assert client.get("/live").status_code == 303
    assert quick.client().get("/live").headers["location"].startswith("/sign-in")


def test_one_person_has_so_many_pages(quick: RunningConsole) -> None:
    """One stream too many is refused; another person still gets one."""
    client, other = quick.signed_in(), quick.signed_in("bob")
    with ExitStack() as held:
        lines = []  # a dropped one would end its stream
        for _ in range(MOST_OF_PERSON):
            lines.append(held.enter_context(client.stream("GET", "/live")).iter_lines())
            opened(lines[-1])
        refused = held.enter_context(client.stream("GET", "/live")).status_code
        accepted = held.enter_context(other.stream("GET", "/live")).status_code

    assert (refused, accepted) == (503, 200)


def test_many_changes_at_once(quick: RunningConsole, world: World) -> None:
    """Of more changes than one look reads, the newest are told, and that the page should be loaded again."""
    add(world, "1")
    with world.database.reading() as session:
        values = dict(session.execute(select(Alert.__table__)).one()._mapping)
    world.clock.advance(minutes=5)
    rows = [
        values | {"id": 100 + n, "dedupe_key": f"k{n}", "reference": f"R{n}", "updated_at": world.clock()}
        for n in range(NEWS + 20)
    ]
    with quick.signed_in().stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        opened(lines)
        with world.database.transaction() as session:
            session.execute(insert(Alert), rows)
        told = []
        for name, _ in events(lines):
            told.append(name)
            if name == "many":
                break

    assert told == ["finding"] * NEWS + ["many"]
