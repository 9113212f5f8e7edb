"""The first hour with the installed command: init, check, crawl, listings, alerts, with real peers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import spillwatch
from tests.journeys.home import SECRET, Home, home_in, running, until
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=12) as running_site:
        running_site.offers["7"].title = "120w rows of inventedlender"
        yield running_site


@pytest.fixture
def peers() -> Iterator[tuple[SmtpPeer, WebhookPeer]]:
    with SmtpPeer() as mail, WebhookPeer(SECRET) as hook:
        yield mail, hook


@pytest.fixture
def home(tmp_path: Path, database_url: str, peers: tuple[SmtpPeer, WebhookPeer], site: Site) -> Home:
    mail, hook = peers
    made = home_in(tmp_path, smtp=mail.port, webhook=hook.url("/ok"), database_url=database_url)
    made.source("market", f"{site.url}/offers")
    return made


def test_a_crawl_without_a_daemon_ends_with_the_alert(
    home: Home, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """One command: three pages are read, twelve listings stored, one matched, and both channels are told."""
    run = home.ask("crawl", "market")
    listings = home.ask("listings", "inventedlender")
    alerts = home.ask("alerts", "list")
    of_company = home.ask("listings", "--company", "invented-lender")

    assert (run["outcome"], run["listings_new"], run["pages_unread"] or 0) == ("new_listings", 12, 0)
    assert [listing["title"] for listing in listings] == ["120w rows of inventedlender"]
    assert [listing["id"] for listing in of_company] == [listing["id"] for listing in listings]
    assert len(alerts if isinstance(alerts, list) else alerts["alerts"]) == 1
    assert len(peers[0].wait(1)) == len(peers[1].wait(1)) == 1


def test_a_second_crawl_finds_nothing_new(home: Home, site: Site) -> None:
    """What is known is not read again, and nobody is told twice."""
    home.ask("crawl", "market")
    again = home.ask("crawl", "market")

    assert (again["outcome"], again["listings_new"]) == ("nothing_new", 0)
    assert len(home.ask("listings")) == 12
    assert len(site.asked_for("/offer/1")) <= 2


def test_a_source_that_cannot_be_read_is_a_negative_answer(home: Home, site: Site) -> None:
    """The outcome and its reason are said, and the exit code is 1."""
    home.source("broken", f"{site.url}/redesigned")
    ran = spillwatch(home.folder, "crawl", "broken", extra=home.settings)

    assert ran.returncode == Exit.NEGATIVE
    assert "page not recognised" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_an_unknown_source_is_refused(home: Home) -> None:
    """A misspelt source is not crawled, and the message says where the names are."""
    ran = spillwatch(home.folder, "crawl", "markte", extra=home.settings)

    assert ran.returncode == Exit.REFUSED
    assert "spillwatch source list" in ran.stderr


def test_a_crawl_beside_a_daemon_is_done_by_the_daemon(home: Home, site: Site) -> None:
    """With a daemon running, the command asks for the run and shows its end."""
    with running(home) as daemon:
        until(lambda: bool(home.ask("runs")) and home.ask("runs")[0]["state"] == "finished", "the first run")
        run = home.ask("crawl", "market")
        daemon.stop()

    assert (run["trigger"], run["outcome"]) == ("manual", "nothing_new")


def test_a_source_that_is_being_crawled_is_not_crawled_twice(home: Home, site: Site) -> None:
    """While a run of the source goes on, another is refused and the message names the run."""
    home.source("slow", f"{site.url}/hangs")
    with running(home) as daemon:
        until(lambda: "/hangs" in site.paths, "the run's request")
        refused = spillwatch(home.folder, "crawl", "slow", extra=home.settings)
        daemon.stop(signal.SIGTERM)

    assert refused.returncode == Exit.REFUSED
    assert (
        "is being crawled already: run 1 is running" in refused.stderr or "run 2 is running" in refused.stderr
    )


def test_what_init_writes_can_be_crawled_after_editing(tmp_path: Path, site: Site) -> None:
    """init, an edited source, check, crawl, listings: the way of the README."""
    assert spillwatch(tmp_path, "init").returncode == Exit.OK
    home = Home(tmp_path)
    home.source("market", f"{site.url}/offers")
    checked = home.ask("check")
    run = home.ask("crawl", "market")

    assert (checked["ok"], checked["sources"]) == (True, 2)
    assert run["outcome"] == "new_listings"
    assert len(home.ask("listings", "--limit", "100")) == 12
