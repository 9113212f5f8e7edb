"""The daemon as its operator uses it: start, stop, kill, reload, health checks."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.exits import Exit
from daemon.daemon import PULSE_S
from storage import sources
from storage.database.base import Database
from storage.errors import DatabaseConflict
from tests.cli.command import TIMEOUT_S, environment, spillwatch
from tests.journeys.home import (
    ON_POSTGRESQL,
    ON_SQLITE,
    SECRET,
    WAIT_S,
    Home,
    RunningDaemon,
    alive,
    home_in,
    running,
)
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer
from tests.waiting import wait_until

SYS_TGKILL = {"x86_64": 234, "aarch64": 131}[platform.machine()]
#: Work in progress has 3 s, its processes 1 s more; a busy machine needs the rest. Pages hang for minutes.
STOP_WITHIN_S = 30.0
REFUSING_RUNS = (
    "CREATE TRIGGER refuse BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'refused by a test'); END"
)
#: A daemon that gets SIGHUP four times and, at each reload, prints the number of matchers in memory.
COUNTING_MATCHERS = """
import gc, os, signal, time
from cli.command_context import utc_now
from daemon.daemon import Daemon
from configuration.configuration import load_configuration
from configuration.settings import Supervision
from matching.service import MatchingService

left = [signal.SIGHUP, signal.SIGHUP, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM]

def send_next():
    os.kill(os.getpid(), left.pop(0))

def matchers():
    gc.collect()
    return sum(isinstance(each, MatchingService) for each in gc.get_objects())

def reread():
    until = time.monotonic() + 20  # a thread that looks for work just now may hold the last one for that look
    while (count := matchers()) > 1 and time.monotonic() < until:
        time.sleep(0.05)
    print(count)
    send_next()
    return load_configuration(None)

def clock():
    if len(left) == 5 and callable(signal.getsignal(signal.SIGHUP)):  # it listens now; nohup ignores
        send_next()
    return utc_now()

Daemon(load_configuration(None), reread=reread, supervision=Supervision(None, None), clock=clock).run()
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=3) as running_site:
        running_site.offers["2"].title = "Dump of inventedlender"
        yield running_site


@pytest.fixture
def mail() -> Iterator[SmtpPeer]:
    with SmtpPeer() as peer:
        yield peer


@pytest.fixture
def hook() -> Iterator[WebhookPeer]:
    with WebhookPeer(SECRET) as peer:
        yield peer


@pytest.fixture
def home(tmp_path: Path, database_url: str, mail: SmtpPeer, hook: WebhookPeer) -> Home:
    """A configuration, once with SQLite and once with PostgreSQL."""
    return home_in(tmp_path, smtp=mail.port, webhook=hook.url("/ok"), database_url=database_url)


def ask(url: str, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=WAIT_S)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def to_thread(pid: int, thread: int, number: signal.Signals) -> None:
    """Send a signal to one thread, as the kernel may do with a signal to the process. libc has no tgkill."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_TGKILL, pid, thread, int(number)):
        raise OSError(ctypes.get_errno(), "tgkill")


def started(daemon: RunningDaemon) -> str:
    """Return the health server's address from the daemon's log."""
    return str(next(line["url"] for line in daemon.lines if line["action"] == "health_listening"))


def test_from_the_page_to_the_alert(home: Home, site: Site, mail: SmtpPeer, hook: WebhookPeer) -> None:
    """A scheduled run finds a mention, and each channel gets one message, with a valid signature."""
    home.source("market", f"{site.url}/offers")
    with running(home, forked=False) as daemon:
        mails, calls = mail.wait(1, 60), hook.wait(1, 60)
        took = daemon.stop()

    assert "inventedlender" in mails[0].as_string()
    assert calls[0].verified
    assert daemon.process.returncode == Exit.OK
    assert took < STOP_WITHIN_S
    assert (len(mail.received), len(hook.received)) == (1, 1)


def test_sigterm_ends_a_daemon_with_a_hanging_run(home: Home, site: Site) -> None:
    """After SIGTERM the daemon ends within seconds, no child is left, and the run is `interrupted`."""
    home.source("slow", f"{site.url}/hangs")
    with running(home) as daemon:
        daemon.wait_for("run_started")
        wait_until(lambda: "/hangs" in site.paths, "the run's request")
        children = daemon.children()
        took = daemon.stop()

    (run,) = home.ask("runs")
    assert children
    assert not any(alive(pid) for pid in children)
    assert took < STOP_WITHIN_S
    assert (run["state"], run["outcome"]) == ("finished", "interrupted")


def test_a_killed_daemon_goes_on_where_it_was(home: Home, site: Site) -> None:
    """SIGKILL during a run also ends the child, and the next daemon recovers the run and makes the visit once
    more, although the source's next slot is a day away.
    """
    home.source("slow", f"{site.url}/hangs", every="1d")
    with running(home) as daemon:
        wait_until(lambda: "/hangs" in site.paths, "the run's request")
        children = daemon.children()
        daemon.stop(signal.SIGKILL)
        wait_until(lambda: not any(alive(pid) for pid in children), "the end of the child")
    with running(home) as daemon:
        recovered = next(line for line in daemon.lines if line["action"] == "recovered")
        wait_until(lambda: site.paths.count("/hangs") == 2, "the request of the repeated run")
        daemon.stop()

    assert (recovered["runs_interrupted"], recovered["runs_repeated"]) == (1, 1)
    ended = [(run["trigger"], run["outcome"]) for run in home.ask("runs", "--source", "slow")]
    assert sorted(ended) == [("catch_up", "interrupted"), ("schedule", "interrupted")]


def test_a_warm_process_is_killed_replaced_and_stopped(home: Home, site: Site) -> None:
    """Killed, it takes its run along, which is interrupted, and another one serves the next run. SIGHUP
    replaces that one. A stopped one does not keep the daemon from ending, and no process is left.
    """
    home.source("slow", f"{site.url}/hangs")
    with running(home) as daemon:
        wait_until(lambda: "/hangs" in site.paths, "the run's request")
        killed, run = daemon.warm_process(), daemon.runs()
        os.kill(killed, signal.SIGKILL)
        daemon.wait_for("warm_process_ended")
        lost = daemon.wait_for("run_finished")
        home.source("market", f"{site.url}/offers")
        daemon.process.send_signal(signal.SIGHUP)
        read = daemon.wait_for("run_finished", source="market")
        second = daemon.warm_process()
        home.source("again", f"{site.url}/hangs")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: site.paths.count("/hangs") == 2, "the request of the third run")
        third = daemon.warm_process()
        os.kill(third, signal.SIGSTOP)
        last = daemon.runs()
        took = daemon.stop()

    assert (lost["outcome"], lost["reason"]) == ("interrupted", "warm_process_lost")
    assert read["outcome"] == "new_listings"
    assert len({killed, second, third}) == 3
    assert took < STOP_WITHIN_S
    assert len(run) == len(last) == 1
    wait_until(lambda: not any(alive(pid) for pid in (killed, second, third, *run, *last)), "their end")
    (again,) = home.ask("runs", "--source", "again")
    assert (again["outcome"], again["reason"]) == ("interrupted", "stopped")


def test_a_second_daemon_is_refused(home: Home) -> None:
    """A second daemon on the same database ends with exit code 5, and the first one keeps running."""
    with running(home) as daemon:
        second = spillwatch(home.folder, "run", extra=home.settings)

        assert daemon.process.poll() is None
    assert second.returncode == Exit.ALREADY_RUNNING
    assert second.stderr
    assert "Traceback" not in second.stderr


def test_healthz_and_metrics_answer(home: Home) -> None:
    """/healthz reports all checks as ok, and /metrics contains the daemon's start time."""
    with running(home) as daemon:
        url = started(daemon)
        status, body = ask(url, "/healthz")
        _, metrics = ask(url, "/metrics")
        missing, _ = ask(url, "/")

    names = ("database", "evidence", "disk", "engine", "node")
    assert (status, json.loads(body)["checks"]) == (200, dict.fromkeys(names, "ok"))
    assert "spillwatch_started_timestamp_seconds 1." in metrics
    assert missing == 404


@ON_SQLITE
def test_doctor_asks_the_running_daemon(home: Home) -> None:
    """With a fixed health address, `doctor --only daemon` is a health check for containers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        home.settings["SPILLWATCH_DAEMON__HEALTH_ADDRESS"] = f"127.0.0.1:{server.getsockname()[1]}"
    with running(home):
        (finding,) = home.ask("doctor", "--only", "daemon")["findings"]

    assert finding["level"] == "ok"


@ON_SQLITE
def test_a_good_reload_takes_effect(home: Home, site: Site, mail: SmtpPeer) -> None:
    """After SIGHUP a new source is crawled, without a restart."""
    with running(home) as daemon:
        home.source("market", f"{site.url}/offers")
        daemon.process.send_signal(signal.SIGHUP)
        line = daemon.wait_for("reloaded")
        mail.wait(1, 60)

    assert line["sources_changed"] == ["market"]


@ON_SQLITE
def test_a_bad_reload_changes_nothing(home: Home, site: Site) -> None:
    """After SIGHUP with mistakes, every mistake is logged and the old configuration stays in effect."""
    home.source("market", f"{site.url}/offers")
    with running(home) as daemon:
        home.write("sources/market.toml", 'kind = "html"\nstrat = "x"\n')
        home.write("companies/bad.toml", 'nmae = "x"\n')
        daemon.process.send_signal(signal.SIGHUP)
        line = daemon.wait_for("reload_refused")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reload_refused")

        assert daemon.process.poll() is None
    text = " ".join(line["mistakes"])
    assert all(part in text for part in ("market.toml: strat", "bad.toml: nmae"))


def test_a_reload_that_the_database_refuses_changes_nothing(
    tmp_path: Path, sqlite_url: str, site: Site, mail: SmtpPeer, hook: WebhookPeer
) -> None:
    """A reload that the database refuses changes no source; the next SIGHUP changes all."""
    home = home_in(tmp_path, smtp=mail.port, webhook=hook.url("/ok"), database_url=sqlite_url)
    home.source("market", f"{site.url}/offers")
    with running(home) as daemon, closing(Database.open(sqlite_url)) as database:
        daemon.wait_for("run_finished")
        with database.transaction() as session:
            session.execute(text(REFUSING_RUNS))
        home.source("other", f"{site.url}/offers")
        daemon.process.send_signal(signal.SIGHUP)
        refused = daemon.wait_for("reload_refused")
        with database.transaction() as session:
            between = [source.name for source in sources.all_sources(session)]
            session.execute(text("DROP TRIGGER refuse"))
        daemon.process.send_signal(signal.SIGHUP)
        reloaded = daemon.wait_for("reloaded")
        daemon.wait_for("run_finished", source="other")

    assert refused["reason"] == DatabaseConflict.reason
    assert between == ["market"]
    assert reloaded["sources_changed"] == ["other"]


@ON_SQLITE
def test_a_reload_says_what_needs_a_restart(home: Home, site: Site) -> None:
    """Changes of [storage] and most of [daemon] are logged as needing a restart; runs keep the old paths."""
    with running(home) as daemon:
        text = (home.folder / "spillwatch.toml").read_text()
        changed = text.replace(
            "[daemon]", '[storage]\nevidence_dir = "elsewhere"\n[daemon]\nlog_level = "debug"'
        )
        home.write("spillwatch.toml", changed)
        home.source("market", f"{site.url}/offers")
        daemon.process.send_signal(signal.SIGHUP)
        line = daemon.wait_for("restart_needed")
        run = daemon.wait_for("run_finished")

    assert line["sections"] == ["storage", "daemon"]
    assert run["outcome"] == "new_listings"
    assert not (home.folder / "elsewhere").exists()


@ON_SQLITE
def test_a_reload_changes_how_much_is_done_at_the_same_time(home: Home) -> None:
    """A raised concurrent_runs takes effect without a restart. Three sites: runs of one site take turns."""
    with ExitStack() as stack:
        for name in ("one", "two", "three"):
            home.source(name, f"{stack.enter_context(Site()).url}/hangs")
        daemon = stack.enter_context(running(home))
        wait_until(lambda: len(daemon.runs()) == 2, "two runs, the default")
        text = (home.folder / "spillwatch.toml").read_text()
        home.write("spillwatch.toml", text.replace("[crawler]", "[crawler]\nconcurrent_runs = 3"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded")
        wait_until(lambda: len(daemon.runs()) == 3, "the third run")
        children = daemon.children()
        took = daemon.stop()

    assert took < STOP_WITHIN_S
    assert not any(alive(pid) for pid in children)


def test_reloads_leave_nothing_of_the_old_configuration(tmp_path: Path) -> None:
    """After any number of reloads, only one matcher with its terms and segments is in memory."""
    home = Home(tmp_path)
    home.write("spillwatch.toml", '[daemon]\nhealth_address = ""\n')
    ran = subprocess.run(
        [sys.executable, "-c", COUNTING_MATCHERS],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert ran.stdout.split() == ["1", "1", "1", "1"], ran.stderr


@ON_SQLITE
def test_systemd_hears_ready_reload_watchdog_and_stop(home: Home, tmp_path: Path) -> None:
    """The daemon speaks the protocol of Type=notify-reload with a watchdog, over a real socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(WAIT_S)
        home.settings.update(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        with running(home) as daemon:
            heard = [ear.recv(4096).decode().splitlines()[0]]
            while heard[-1] != "WATCHDOG=1":
                heard.append(ear.recv(4096).decode().splitlines()[0])
            daemon.process.send_signal(signal.SIGHUP)
            while "RELOADING=1" not in heard or heard[-1] != "READY=1":
                heard.append(ear.recv(4096).decode().splitlines()[0])
            daemon.process.send_signal(signal.SIGTERM)
            while heard[-1] != "STOPPING=1":
                heard.append(ear.recv(4096).decode().splitlines()[0])

    assert heard[0] == "READY=1"


@ON_SQLITE
def test_a_daemon_whose_health_address_is_taken_does_not_start(home: Home) -> None:
    """A taken health address ends the daemon with exit code 3, and no lock is left."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        home.settings["SPILLWATCH_DAEMON__HEALTH_ADDRESS"] = f"127.0.0.1:{server.getsockname()[1]}"
        refused = spillwatch(home.folder, "run", extra=home.settings)
    with running(home) as daemon:
        daemon.stop()

    assert refused.returncode == Exit.CONFIGURATION
    assert "health_address" in refused.stderr


def test_a_daemon_that_must_not_upgrade_refuses_an_empty_database(tmp_path: Path, empty_url: str) -> None:
    """With upgrade_schema = false an empty database is refused, and the message names `db upgrade`."""
    home = Home(tmp_path, {"SPILLWATCH_STORAGE__DATABASE_URL": empty_url})
    home.write("spillwatch.toml", "[daemon]\nupgrade_schema = false\n")
    refused = spillwatch(home.folder, "run", extra=home.settings)

    assert refused.returncode == Exit.DATABASE
    assert "spillwatch db upgrade" in refused.stderr


@pytest.mark.needs("postgresql")
@ON_POSTGRESQL
def test_no_argument_of_any_process_holds_a_secret(home: Home, site: Site) -> None:
    """Process arguments, which every user can read, contain neither URLs nor secrets."""
    home.source("slow", f"{site.url}/hangs")
    with running(home, forked=False) as daemon:
        wait_until(lambda: "/hangs" in site.paths, "the run's request")
        pids = [daemon.process.pid, *daemon.children()]
        arguments = "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)
        daemon.stop()

    assert len(pids) > 1
    assert not any(secret in arguments for secret in (SECRET, site.url, "postgresql://", "sqlite://"))


@ON_SQLITE
def test_a_signal_is_heard_whichever_thread_gets_it(home: Home) -> None:
    """A signal delivered to another thread wakes the main thread before its next health check."""
    with running(home) as daemon:
        other = max(int(task.name) for task in Path(f"/proc/{daemon.process.pid}/task").iterdir())
        began = time.monotonic()
        for _ in range(8):
            to_thread(daemon.process.pid, other, signal.SIGHUP)
            daemon.wait_for("reloaded")
        took = time.monotonic() - began

    assert took < 4 * PULSE_S  # without being woken it would take at least seven intervals


@ON_SQLITE
def test_ctrl_c_ends_the_daemon_like_sigterm(home: Home) -> None:
    """SIGINT stops the daemon with exit code 0."""
    with running(home) as daemon:
        took = daemon.stop(signal.SIGINT)

    assert daemon.process.returncode == Exit.OK
    assert took < STOP_WITHIN_S
