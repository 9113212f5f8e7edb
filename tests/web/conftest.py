"""The world of tests.alerts with a console in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.world import World
from tests.peers.browser import running_browser
from tests.web.running import RunningConsole, running_console


@pytest.fixture
def world(database: Database) -> World:
    """A company, two sources and a clock; the database is SQLite and PostgreSQL in turn."""
    return World(database)


@pytest.fixture
def console(world: World, evidence: EvidenceStore) -> Iterator[RunningConsole]:
    with running_console(world.database, evidence, world.clock) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a module. Tests that use it are marked needs("chromium").

    Not one a session: while it runs, playwright's event loop runs in this thread, and no other one can.
    """
    with running_browser() as running:
        yield running
