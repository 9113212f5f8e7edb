"""The first screen shows the legal clock that ends next."""

from __future__ import annotations

import re

import pytest

from storage import triage
from storage.alerts import TriageState, lock_alert
from tests.alerts.world import World
from tests.web.running import RunningConsole


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def column(text: str) -> list[str]:
    cells = re.findall(r'<td data-label="Next clock">(.*?)</td>', text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells]


def test_the_next_clock_of_each_finding(console: RunningConsole, world: World) -> None:
    """A finding that nobody has acknowledged has none; an acknowledged one counts down, then it is over."""
    world.add_finding()
    client = console.signed_in()
    before = column(client.get("/?owner=all").text)
    with world.database.transaction() as session:
        alert = lock_alert(session, 1)
        assert alert is not None
        triage.change_state(session, alert, TriageState.CONFIRMED, by="anna", reason="", now=world.clock())
    world.clock.advance(minutes=1)
    running = column(client.get("/?owner=all").text)
    world.clock.advance(days=100)
    over = column(console.signed_in("bob").get("/?owner=all").text)

    assert before == ["–"]
    assert len(running) == len(over) == 1
    assert running[0] not in ("–", over[0])
