"""The first hour with the installed command: init, check, crawl, listings, alerts, with real peers."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.exits import Exit
from storage import runs, sources
from storage.database.base import Database
from storage.runs import RunTrigger
from tests.cli.command import SPILLWATCH, environment, spillwatch
from tests.journeys.home import ON_SQLITE, SECRET, WAIT_S, Home, home_in, running
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer
from tests.waiting import wait_until


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
    home: Home, peers: tuple[SmtpPeer, WebhookPeer], site: Site
) -> None:
    """One `crawl` reads three pages, stores twelve listings, matches one and alerts on both channels.

    A second one does not read known listings again.
    """
    run = home.ask("crawl", "market")
    listings = home.ask("listings", "inventedlender")
    alerts = home.ask("alerts", "list")
    of_company = home.ask("listings", "--company", "invented-lender")
    again = home.ask("crawl", "market")

    assert (run["outcome"], run["listings_new"], run["pages_unread"] or 0) == ("new_listings", 12, 0)
    assert [listing["title"] for listing in listings] == ["120w rows of inventedlender"]
    assert [listing["id"] for listing in of_company] == [listing["id"] for listing in listings]
    assert len(alerts if isinstance(alerts, list) else alerts["alerts"]) == 1
    assert len(peers[0].wait(1)) == len(peers[1].wait(1)) == 1
    assert (again["outcome"], again["listings_new"]) == ("nothing_new", 0)
    assert len(home.ask("listings")) == 12
    assert len(site.asked_for("/offer/1")) <= 2


@ON_SQLITE
def test_a_source_that_cannot_be_read_is_a_negative_answer(home: Home, site: Site) -> None:
    """The output names the outcome, and the exit code is 1."""
    home.source("broken", f"{site.url}/redesigned")
    ran = spillwatch(home.folder, "crawl", "broken", extra=home.settings)

    assert ran.returncode == Exit.NEGATIVE
    assert "page not recognised" in ran.stdout
    assert "Traceback" not in ran.stderr


@ON_SQLITE
def test_an_unknown_source_is_refused(home: Home) -> None:
    """A misspelt source is refused, and the message says how to list the names."""
    ran = spillwatch(home.folder, "crawl", "markte", extra=home.settings)

    assert ran.returncode == Exit.REFUSED
    assert "spillwatch source list" in ran.stderr


def test_a_crawl_beside_a_daemon_is_done_by_the_daemon(home: Home, site: Site) -> None:
    """While a daemon runs, the command queues the run and shows its result."""
    with running(home) as daemon:
        wait_until(
            lambda: bool(home.ask("runs")) and home.ask("runs")[0]["state"] == "finished", "the first run"
        )
        run = home.ask("crawl", "market")
        daemon.stop()

    assert (run["trigger"], run["outcome"]) == ("manual", "nothing_new")


def test_a_source_that_is_being_crawled_is_not_crawled_twice(home: Home, site: Site) -> None:
    """While a run of the source is in progress, another is refused and the message names the run."""
    home.source("slow", f"{site.url}/hangs")
    with running(home) as daemon:
        wait_until(lambda: "/hangs" in site.paths, "the run's request")
        refused = spillwatch(home.folder, "crawl", "slow", extra=home.settings)
        daemon.stop(signal.SIGTERM)

    assert refused.returncode == Exit.REFUSED
    assert "run 1 " in refused.stderr or "run 2 " in refused.stderr


def test_a_crawl_beside_another_crawl_waits_for_it_and_then_does_its_own_run(home: Home, site: Site) -> None:
    """A `crawl` makes its own run when another `crawl` that holds the database ends or is killed."""
    home.source("slow", f"{site.url}/hangs")
    with crawling(home, "slow") as first:
        wait_until(lambda: "/hangs" in site.paths, "the first run's request")
        with crawling(home, "market") as second:
            wait_until(lambda: state_of(home, "market") == "queued", "the second run's row")
            first.kill()
            output, _ = second.communicate(timeout=WAIT_S)

    run = json.loads(output)
    assert (second.returncode, run["outcome"], run["listings_new"]) == (Exit.OK, "new_listings", 12)
    assert state_of(home, "slow") == "finished"


def test_a_crawl_whose_daemon_dies_does_the_run_itself(home: Home, database_url: str) -> None:
    """If the daemon that should make the run is killed, the command makes the run itself."""
    with running(home) as daemon:
        daemon.wait_for("run_finished")
        daemon.freeze(database_url)  # it starts no more work
        with crawling(home, "market") as waiting:
            wait_until(lambda: state_of(home, "market") == "queued", "the row of the queued run")
            daemon.process.kill()
            output, _ = waiting.communicate(timeout=WAIT_S)

    assert (waiting.returncode, json.loads(output)["outcome"]) == (Exit.OK, "nothing_new")


def test_a_run_that_was_left_in_the_queue_is_taken_up(home: Home, database_url: str) -> None:
    """A run that is already queued is made instead of another one. It would block its source otherwise."""
    home.ask("crawl", "market")
    with closing(Database.open(database_url)) as database, database.transaction() as session:
        market = sources.source_by_name(session, "market")
        assert market is not None
        now = datetime.now(UTC)
        left = runs.enqueue_run(session, market.id, slot="left behind", trigger=RunTrigger.SCHEDULE, now=now)

    run = home.ask("crawl", "market")

    assert (run["id"], run["outcome"]) == (left, "nothing_new")


@ON_SQLITE
def test_a_crawl_says_when_the_daemon_has_not_read_the_file_as_it_is(home: Home, site: Site) -> None:
    """If the daemon has not read a changed or new source file, the message advises to send SIGHUP."""
    with running(home) as daemon:
        daemon.wait_for("run_finished")
        same = spillwatch(home.folder, "crawl", "market", extra=home.settings)
        home.source("market", f"{site.url}/offers?page=1")
        home.source("new", f"{site.url}/offers")
        changed = spillwatch(home.folder, "crawl", "market", extra=home.settings)
        new = spillwatch(home.folder, "crawl", "new", extra=home.settings)

    assert (same.returncode, same.stderr) == (Exit.OK, "")
    assert (changed.returncode, "market" in changed.stderr) == (Exit.OK, True)
    assert (new.returncode, "new" in new.stderr) == (Exit.REFUSED, True)
    assert "SIGHUP" in changed.stderr
    assert "SIGHUP" in new.stderr


@contextmanager
def crawling(home: Home, name: str) -> Iterator[subprocess.Popen[str]]:
    """Run `spillwatch crawl` as a process. It is killed at the end."""
    process = subprocess.Popen(
        [SPILLWATCH, "crawl", name, "--json"],
        cwd=home.folder,
        env=environment(home.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)


def state_of(home: Home, name: str) -> str | None:
    """Return the state of a source's newest run."""
    found = home.ask("runs", "--source", name)
    return found[0]["state"] if found else None


def test_what_init_writes_can_be_crawled_after_editing(tmp_path: Path, site: Site) -> None:
    """The steps of the README work: init, an edited source, check, crawl, listings."""
    assert spillwatch(tmp_path, "init").returncode == Exit.OK
    home = Home(tmp_path)
    home.source("market", f"{site.url}/offers")
    checked = home.ask("check")
    run = home.ask("crawl", "market")

    assert (checked["ok"], checked["sources"]) == (True, 2)
    assert run["outcome"] == "new_listings"
    assert len(home.ask("listings", "--limit", "100")) == 12
