"""How the daemon ends: its last line is one of the log, and a clean stop leaves nothing to recover."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from cli.exits import Exit
from storage.database import schema
from storage.database.base import Database
from storage.database.lock import DaemonLock
from tests.cli.command import spillwatch
from tests.journeys.home import Home, home_in, running


def test_the_error_that_ends_a_daemon_is_a_line_of_its_log(tmp_path: Path) -> None:
    """Exit codes 5 (another daemon) and 4 (a damaged database), each with JSON from the first line on."""
    home = Home(tmp_path)
    home.write("spillwatch.toml", '[daemon]\nhealth_address = ""\n')
    database = Database.open(f"sqlite:///{tmp_path}/var/spillwatch.db")
    schema.upgrade_schema(database)
    with DaemonLock.acquire(database):
        second = spillwatch(tmp_path, "run")
    database.close()
    (tmp_path / "var" / "spillwatch.db").write_bytes(b"no database at all" * 1000)
    damaged = spillwatch(tmp_path, "run")

    ends = [[json.loads(line) for line in ran.stderr.splitlines()][-1] for ran in (second, damaged)]
    assert [(end["action"], end["reason"], end["exit_code"]) for end in ends] == [
        ("ended", "already_running", 5),
        ("ended", "database_damaged", 4),
    ]
    assert (second.returncode, damaged.returncode) == (Exit.ALREADY_RUNNING, Exit.DATABASE)
    assert all("exception" not in end for end in ends)


def test_what_a_clean_stop_leaves_is_released_by_it(tmp_path: Path) -> None:
    """A mail server that accepts a connection and says nothing: the stop does not wait for it, the next start
    finds nothing to recover, and the test alert is still to be sent.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        home = home_in(tmp_path, smtp=silent.getsockname()[1], webhook="http://127.0.0.1:1/")
        home.settings["SPILLWATCH_DAEMON__STOP_TIMEOUT_S"] = "1"
        home.settings["SPILLWATCH_CRAWLER__STOP_GRACE_S"] = "0.5"
        home.source("market", "http://127.0.0.1:1/offers")
        with running(home) as daemon:
            connection, _ = silent.accept()
            daemon.stop()
            stopped = daemon.wait_for("stopped")
        connection.close()
        with running(home) as again:
            again.stop()

    assert stopped["unfinished"] == ["deliver"]
    assert stopped["deliveries_due_again"] == 1
    assert "recovered" not in {line["action"] for line in again.lines}
    assert {line["action"] for line in daemon.heard()} & {"not_json"} == set()
