"""A disk that fills up under a running daemon: everything that reports says so, and says when it is over."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import spillwatch
from tests.journeys.home import SECRET, WAIT_S, Home, home_in, running
from tests.journeys.test_daemon import ask
from tests.peers.small_disk import fill_disk, free_disk, small_disk
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer
from tests.waiting import wait_until

pytestmark = pytest.mark.needs("mount")

DISK_KB = 60_000


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=3) as running_site:
        yield running_site


@pytest.fixture
def hook() -> Iterator[WebhookPeer]:
    with WebhookPeer(SECRET) as peer:
        yield peer


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", size_kb=DISK_KB) as folder:
        yield folder


@pytest.fixture
def home(tmp_path: Path, disk: Path, hook: WebhookPeer) -> Home:
    """A configuration whose evidence is on the small disk, and whose mail server does not answer."""
    with SmtpPeer() as peer:
        port = peer.port
    home = home_in(tmp_path, smtp=port, webhook=hook.url("/ok"))
    home.settings["SPILLWATCH_STORAGE__EVIDENCE_DIR"] = str(disk / "evidence")
    home.settings["SPILLWATCH_DAEMON__DISK_FLOOR_MB"] = "0"  # so that the disk really gets full
    return home


def test_below_the_floor_no_new_run_begins(home: Home, disk: Path, site: Site, hook: WebhookPeer) -> None:
    """Runs stay queued, health and an alert say why, and it goes on by itself when there is room."""
    home.settings["SPILLWATCH_DAEMON__DISK_FLOOR_MB"] = "20"
    home.source("market", f"{site.url}/offers", every="10s")
    with running(home) as daemon:
        url = str(next(line["url"] for line in daemon.lines if line["action"] == "health_listening"))
        daemon.wait_for("run_finished", outcome="new_listings")
        fill_disk(disk, spare=15 * 1024 * 1024)
        daemon.wait_for("disk_floor")
        wait_until(lambda: any(b"disk_floor" in each.body for each in hook.received), "the alert")
        status, body = ask(url, "/healthz")
        doctor = home.ask("doctor", "--only", "space", code=Exit.NEGATIVE)
        begun = [run["id"] for run in home.ask("runs") if run["state"] != "queued"]
        wait_until(lambda: home.ask("runs")[0]["state"] == "queued", "a slot")
        later = [run["id"] for run in home.ask("runs") if run["state"] != "queued"]
        free_disk(disk)
        daemon.wait_for("disk_room")
        daemon.wait_for("run_finished", outcome="nothing_new")
        daemon.stop()

    assert (status, "disk_floor_mb" in body) == (503, True)
    assert "takes no new work" in str(doctor["findings"])
    assert begun == later


def test_a_full_database_disk_is_told_and_its_end_too(home: Home, disk: Path, site: Site) -> None:
    """SQLite on the full disk: nothing can be written, and afterwards runs are read as before."""
    home.settings["SPILLWATCH_STORAGE__DATABASE_URL"] = f"sqlite:///{disk}/x.db"
    home.source("market", f"{site.url}/offers", every="10s")
    with running(home) as daemon:
        url = str(next(line["url"] for line in daemon.lines if line["action"] == "health_listening"))
        daemon.wait_for("run_finished", outcome="new_listings")
        fill_disk(disk)
        unwell = daemon.wait_for("unwell")
        status, _ = ask(url, "/healthz")
        doctor = spillwatch(home.folder, "doctor", "--only", "database", extra=home.settings)
        free_disk(disk)
        daemon.wait_for("well")
        daemon.wait_for("run_finished", outcome="nothing_new")
        daemon.stop()

    assert "No space left on device" in unwell["database"]
    assert "No space left on device" in unwell["evidence"]
    assert (status, doctor.returncode) == (503, Exit.NEGATIVE)
    assert "No space left on device" in doctor.stdout


def test_a_full_disk_is_told_by_everything_that_reports(
    home: Home, disk: Path, site: Site, hook: WebhookPeer, tmp_path: Path
) -> None:
    """/healthz, doctor and STATUS name it, the watchdog gets nothing, the run's row and one alert say so."""
    home.source("market", f"{site.url}/offers", every="10s")
    home.settings.update(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="2000000")
    with listening(tmp_path / "notify") as heard, running(home) as daemon:
        url = str(next(line["url"] for line in daemon.lines if line["action"] == "health_listening"))
        daemon.wait_for("run_finished", outcome="new_listings")
        well, _ = ask(url, "/healthz")

        fill_disk(disk)
        unwell = daemon.wait_for("unwell")
        before = len(heard)
        status, body = ask(url, "/healthz")
        doctor = spillwatch(home.folder, "doctor", "--only", "evidence", extra=home.settings)
        lost = daemon.wait_for("run_not_stored")
        daemon.wait_for("run_finished", outcome="storage_failed")
        meanwhile = heard[before:]

        free_disk(disk)
        daemon.wait_for("well")
        wait_until(lambda: any(b"installation" in each.body for each in hook.received), "the alert")
        again, _ = ask(url, "/healthz")
        runs = home.ask("runs")
        alerts = home.ask("alerts", "list", "--kind", "installation")
        daemon.stop(signal.SIGTERM)

    assert (well, status, again) == (200, 503, 200)
    assert "No space left on device" in body
    assert "No space left on device" in unwell["evidence"]
    assert {each.partition("=")[0] for each in meanwhile} == {"STATUS"}
    assert all("No space left on device" in each for each in meanwhile)
    assert doctor.returncode == Exit.NEGATIVE
    assert "No space left on device" in doctor.stdout
    assert lost["reason"] == "evidence_unwritable"
    assert len(alerts) == 1
    assert {run["outcome"] for run in runs} <= {"storage_failed", "new_listings", "nothing_new", None}


@contextmanager
def listening(path: Path) -> Iterator[list[str]]:
    """Listen as systemd does; the list has every message so far."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(path))

        def listen() -> None:
            while message := ear.recv(4096).decode():
                heard.append(message)

        thread = threading.Thread(target=listen)
        thread.start()
        yield heard
        ear.shutdown(socket.SHUT_RDWR)
        thread.join(WAIT_S)


def test_a_volume_that_is_not_mounted_is_refused(home: Home, disk: Path, site: Site) -> None:
    """Rows point into a folder that is gone: no start, doctor fails, and nothing is made anew."""
    home.source("market", f"{site.url}/offers", every="1d")
    with running(home) as daemon:
        daemon.wait_for("run_finished", outcome="new_listings")
        daemon.stop()
    (disk / "evidence").rename(disk / "elsewhere")

    refused = spillwatch(home.folder, "run", extra=home.settings)
    doctor = spillwatch(home.folder, "doctor", "--only", "evidence", extra=home.settings)
    made = (disk / "evidence").exists()
    (disk / "elsewhere").rename(disk / "evidence")
    (disk / "evidence" / "digest.key").unlink()
    keyless = spillwatch(home.folder, "run", extra=home.settings)

    assert (refused.returncode, keyless.returncode) == (Exit.DATABASE, Exit.DATABASE)
    assert "is missing or empty, although the database points to files in it" in refused.stderr
    assert "digest.key is missing" in keyless.stderr
    assert (doctor.returncode, "is missing or empty" in doctor.stdout) == (Exit.NEGATIVE, True)
    assert not made
