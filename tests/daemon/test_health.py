"""/healthz and /metrics over real connections."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from select import select

import pytest

from daemon.errors import HealthAddressRefused
from daemon.health import MAX_CONNECTIONS, HealthServer
from daemon.metrics import WORK

STATE: dict[str, str] = {}
TIMEOUT_S = 60.0


@pytest.fixture
def server() -> Iterator[HealthServer]:
    STATE.update(database="ok", engine="ok")
    running = HealthServer("127.0.0.1:0", lambda: dict(STATE), request_timeout_s=10 * TIMEOUT_S)
    yield running
    running.stop()


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    with closing(
        http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=TIMEOUT_S)
    ) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_healthz_is_200_while_every_check_is_ok(server: HealthServer) -> None:
    """A balancer needs the status, a person the checks."""
    status, body = ask(server, "/healthz")

    assert status == 200
    assert json.loads(body) == {"status": "ok", "checks": {"database": "ok", "engine": "ok"}}


def test_healthz_is_503_and_says_what_is_wrong(server: HealthServer) -> None:
    """One failing check is enough."""
    STATE["database"] = "SQLite x: cannot be opened"
    status, body = ask(server, "/healthz")

    assert (status, json.loads(body)["status"]) == (503, "failing")
    assert json.loads(body)["checks"]["database"] == "SQLite x: cannot be opened"


def test_metrics_are_prometheus_text(server: HealthServer) -> None:
    """The engine's counters are there in the exposition format."""
    WORK.labels("run", "done")
    status, body = ask(server, "/metrics")

    assert status == 200
    assert b"# TYPE spillwatch_work_total counter" in body


@pytest.mark.parametrize("path", ["/", "/healthz/", "/../healthz", "/metrics2", "/%2e%2e/etc/passwd"])
def test_any_other_path_is_404(server: HealthServer, path: str) -> None:
    """There are two paths and nothing else."""
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(server: HealthServer, method: str) -> None:
    """Only GET and HEAD are understood."""
    assert ask(server, "/healthz", method)[0] == 501


def test_head_has_no_body(server: HealthServer) -> None:
    """HEAD answers as GET does, without the body."""
    assert ask(server, "/healthz", "HEAD") == (200, b"")


def test_clients_that_say_nothing_do_not_block_the_others(server: HealthServer) -> None:
    """Silent connections below the limit leave room for a probe; above it they are closed at once, and not
    only when their time is up. Of the three that come last one at most has the place of the probe.
    """
    host, port = server.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(MAX_CONNECTIONS - 1)]
    status, _ = ask(server, "/healthz")
    crowd = [socket.create_connection((host, int(port))) for _ in range(3)]
    refused = hung_up_on(crowd, at_least=2)
    for client in (*silent, *crowd):
        client.close()

    assert (status, set(refused)) == (200, {b""})


def hung_up_on(clients: list[socket.socket], *, at_least: int) -> list[bytes]:
    """What the first so many of them heard that heard anything: nothing, if they were hung up on."""
    heard: dict[socket.socket, bytes] = {}
    while len(heard) < at_least:
        ready, _, _ = select([client for client in clients if client not in heard], [], [], TIMEOUT_S)
        assert ready, "nobody was hung up on"
        heard.update((client, client.recv(1)) for client in ready)
    return list(heard.values())


def test_an_address_in_use_is_refused_with_a_sentence(server: HealthServer) -> None:
    """The message names the setting and what to do."""
    with pytest.raises(HealthAddressRefused, match="choose another port"):
        HealthServer(server.url.removeprefix("http://"), dict)
