"""A small HTTP server for /healthz and /metrics, for load balancers and Prometheus.

It has no authentication, so it listens on loopback unless the configuration names another address. Its
answers contain no crawled text: only counts, and sentences about what is wrong.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, socket
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from daemon.errors import HealthAddressRefused

REQUEST_TIMEOUT_S = 5.0  # a client that sends nothing for this long is disconnected
MAX_CONNECTIONS = 16  # at the same time; further connections are closed at once

log = structlog.get_logger()
Request = Any  # as socketserver declares them
Address = Any
Checks = Callable[[], dict[str, str]]
"""Returns the result of each check by name: "ok", or a sentence that says what is wrong."""


class HealthServer:
    """Listens from construction until `stop`."""

    def __init__(self, address: str, checks: Checks, *, request_timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._server = _Server(host.strip("[]"), int(port), checks, request_timeout_s)
        except (OSError, OverflowError) as error:
            raise HealthAddressRefused(
                f"Cannot listen on health_address {address} of [daemon]: "
                f"{getattr(error, 'strerror', None) or error}. If the port is in use, choose another port."
            ) from error
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, checks: Checks, request_timeout_s: float) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.checks = checks
        self.request_timeout_s = request_timeout_s
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Request, client_address: Address) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Request, client_address: Address) -> None:
        log.debug("A client of the health server disconnected.", action="health_client_gone")


class _Handler(BaseHTTPRequestHandler):
    server_version = "spillwatch"
    sys_version = ""
    server: _Server
    connection: socket

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.request_timeout_s)

    def do_GET(self) -> None:
        answer = {"/healthz": self._health, "/metrics": self._metrics}.get(self.path.partition("?")[0])
        if answer is None:
            self._answer(
                HTTPStatus.NOT_FOUND,
                "text/plain; charset=utf-8",
                b"Try /healthz or /metrics.\n",
            )
        else:
            answer()

    do_HEAD = do_GET  # noqa: N815  (http.server's name)

    def _health(self) -> None:
        checks = self.server.checks()
        well = all(result == "ok" for result in checks.values())
        body = json.dumps({"status": "ok" if well else "failing", "checks": checks}) + "\n"
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", body.encode())

    def _metrics(self) -> None:
        self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: probes come every few seconds."""
