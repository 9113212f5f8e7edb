"""An analyst's first hour with the demo, in a real browser: from the link to a resolved finding.

SPILLWATCH_PICTURES names a folder for the pictures of docs/how-to/first-hour.md (`make pictures`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from demo.demo_stage import DaemonProcess, Stage
from tests.peers.browser import running_browser
from tests.waiting import wait_until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
FINDINGS = "#rows a[href^='/findings/']"
PASSWORD = "a sentence is easy to remember"
PICTURES = os.environ.get("SPILLWATCH_PICTURES")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[Stage, DaemonProcess]]:
    with Stage(tmp_path / "demo", every="2s", console=True) as made:
        daemon = made.daemon()
        try:
            yield made, daemon
        finally:
            daemon.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


def picture(page: Page, name: str) -> None:
    """Keep a picture of a page, if pictures are wanted."""
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def is_there(page: Page, link: str) -> bool:
    try:
        page.goto(link)
    except Error:  # the console is still starting
        return False
    return True


def test_from_the_link_to_a_resolved_finding(stage: tuple[Stage, DaemonProcess], chromium: Browser) -> None:
    made, daemon = stage
    assert made.console_link is not None
    link = made.console_link
    address = link.partition("/welcome/")[0]
    size = {"width": 1280, "height": 860}
    page = chromium.new_context(base_url=address, viewport=size).new_page()  # type: ignore[arg-type]
    wait_until(lambda: is_there(page, link), "the console of the daemon")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    picture(page, "welcome")
    page.get_by_role("button", name="Set the password and sign in").click()
    expect(page).to_have_url(re.compile("/account/second-factor"))  # which is offered, and can wait
    page.goto("/")
    expect(page.locator(FINDINGS)).to_have_count(0)

    wait_until(made.ready, "the opening")
    made.play()
    expect(page.locator(FINDINGS)).to_have_count(1, timeout=60_000)  # it arrives without a reload
    for _ in range(2):
        wait_until(made.ready, "the step before")
        made.play()
    expect(page.locator(FINDINGS)).to_have_count(3, timeout=90_000)
    picture(page, "findings")

    page.locator(FINDINGS).filter(has_text="Quillmere").first.click()
    expect(page.locator("h1")).to_contain_text("Quillmere")
    picture(page, "finding")
    page.get_by_label("New state").select_option("investigating")
    page.get_by_label("Reason").first.fill("Called the owner of the customer list")
    page.get_by_role("button", name="Set the state").click()
    page.get_by_label("New state").select_option("resolved")
    page.get_by_label("Reason").first.fill("Old backup, reported to the regulator")
    page.get_by_role("button", name="Set the state").click()
    expect(page.locator("#state")).to_contain_text("resolved")
    reference = re.search(r"/findings/(\w+)", page.url)
    assert reference is not None

    for path, name in (
        ("/listings?q=Quillmere", "listings"),
        ("/sources", "sources"),
        ("/sources/market", "source"),
        ("/companies/quillmere", "company"),
        ("/deliveries", "deliveries"),
        ("/statistics", "statistics"),
        ("/mutes", "mutes"),
        ("/audit", "audit"),
        ("/account", "account"),
    ):
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, path
        picture(page, name)
    page.goto("/")
    expect(page.locator(FINDINGS)).to_have_count(2)
    expect(page.locator("main")).not_to_contain_text(reference[1])
    assert daemon.process.poll() is None
