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
    """The status is 200 and the body lists the checks while all of them are ok."""
    status, body = ask(server, "/healthz")

    assert status == 200
    assert json.loads(body) == {"status": "ok", "checks": {"database": "ok", "engine": "ok"}}


def test_healthz_is_503_and_says_what_is_wrong(server: HealthServer) -> None:
    """One failing check gives status 503, and the body says what is wrong."""
    STATE["database"] = "SQLite x: cannot be opened"
    status, body = ask(server, "/healthz")

    assert (status, json.loads(body)["status"]) == (503, "failing")
    assert json.loads(body)["checks"]["database"] == "SQLite x: cannot be opened"


def test_metrics_are_prometheus_text(server: HealthServer) -> None:
    """The engine's counters are in the answer, in Prometheus' text format."""
    WORK.labels("run", "done")
    status, body = ask(server, "/metrics")

    assert status == 200
    assert b"# TYPE spillwatch_work_total counter" in body


@pytest.mark.parametrize("path", ["/", "/healthz/", "/../healthz", "/metrics2", "/%2e%2e/etc/passwd"])
def test_any_other_path_is_404(server: HealthServer, path: str) -> None:
    """Any path other than /healthz and /metrics is 404."""
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(server: HealthServer, method: str) -> None:
    """Methods other than GET and HEAD are refused with 501."""
    assert ask(server, "/healthz", method)[0] == 501


def test_head_has_no_body(server: HealthServer) -> None:
    """HEAD answers with the status of GET and no body."""
    assert ask(server, "/healthz", "HEAD") == (200, b"")


def test_clients_that_say_nothing_do_not_block_the_others(server: HealthServer) -> None:
    """Silent connections below the limit leave room for a probe, and those above it are closed at once.

    At most one of the last three connections can take the probe's place.
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
    """Wait until `at_least` clients can read, and return what they read: b"" if they were disconnected."""
    received: dict[socket.socket, bytes] = {}
    while len(received) < at_least:
        ready, _, _ = select([client for client in clients if client not in received], [], [], TIMEOUT_S)
        assert ready, "no client was disconnected"
        received.update((client, client.recv(1)) for client in ready)
    return list(received.values())


def test_an_address_in_use_is_refused_with_a_sentence(server: HealthServer) -> None:
    """The message names the setting."""
    with pytest.raises(HealthAddressRefused, match="health_address"):
        HealthServer(server.url.removeprefix("http://"), dict)
