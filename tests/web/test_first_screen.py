"""The first screen in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.alerts.world import World
from tests.peers.browser import opened
from tests.web.running import RunningConsole

pytestmark = pytest.mark.needs("chromium")


def test_an_open_finding_is_in_the_table(console: RunningConsole, world: World, browser: Browser) -> None:
    world.add_finding()
    with opened(browser, console, console.add_person()) as page:
        page.goto("/")
        expect(page.locator("#rows tr")).to_have_count(1)
        expect(page.locator("#rows .level .badge")).to_have_text("high")
