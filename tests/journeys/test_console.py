"""The console of `spillwatch run` and of `spillwatch web`, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.cli.command import SPILLWATCH, environment
from tests.journeys.home import ON_SQLITE, WAIT_S, Home, home_in, running
from tests.processes import children_of
from tests.waiting import wait_until


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Home:
    made = home_in(tmp_path, smtp=9, webhook="http://127.0.0.1:9/", database_url=database_url)
    made.settings["SPILLWATCH_WEB__LISTEN"] = "127.0.0.1:0"
    return made


def is_answering(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/sign-in", trust_env=False).status_code != 500
    return False


@ON_SQLITE
def test_the_daemon_has_a_console_that_ends_with_it(home: Home) -> None:
    with running(home) as daemon:
        url = str(daemon.wait_for("console_listening")["url"])
        health = str(next(line["url"] for line in daemon.lines if line.get("action") == "health_listening"))
        checks = httpx.get(f"{health}/healthz", trust_env=False).json()["checks"]
        assert (is_answering(url), checks["console"]) == (True, "ok")
        children = daemon.children()
        daemon.stop(signal.SIGKILL)
        wait_until(lambda: not is_answering(url), "the end of a killed daemon's console")
    assert children


@ON_SQLITE
def test_the_console_alone_says_where_it_is(home: Home) -> None:
    process = subprocess.Popen(
        [SPILLWATCH, "web"],
        cwd=home.folder,
        env=environment(home.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    url = process.stdout.readline().split(" is at ")[1].split()[0].rstrip(".")
    try:
        assert is_answering(url)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=WAIT_S)
    assert (ended, children_of(process.pid)) == (0, [])
