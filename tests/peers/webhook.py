"""A real webhook receiver on port 0, which verifies with svix. Its paths are named after what they do.

- /ok, /always-500, /gone (410), /bad-request, /redirect, /hangs
- /busy: 429 with Retry-After: 120
- /huge: 200 and an endless body
- /drops-once: stores the first request, then closes the connection
- /back: 500 until `mend()`
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType

from svix.webhooks import Webhook, WebhookVerificationError

from tests.peers.http_peer import LOOPBACK, HttpPeer
from tests.peers.patience import PATIENCE_S

STATUS = {"/ok": 200, "/always-500": 500, "/gone": 410, "/bad-request": 400, "/huge": 200}


@dataclass(frozen=True)
class Received:
    """One request, and whether its signature was valid."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    verified: bool


class WebhookPeer(HttpPeer):
    """Use as a context manager. `received` holds every request, in order."""

    def __init__(self, secret: str, *, tls: ssl.SSLContext | None = None, address: str = LOOPBACK) -> None:
        super().__init__(self._handler(), name="webhook-peer", tls=tls, address=address)
        self.received: list[Received] = []
        self.ended = threading.Event()
        self.mended = False
        self.dropped = False
        self._verifier = Webhook(secret)
        self._arrived = threading.Condition()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        super().__exit__(kind, error, trace)

    def wait(self, count: int, timeout_s: float = PATIENCE_S) -> list[Received]:
        """Return the requests as soon as there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.received) >= count, timeout_s):
                raise TimeoutError(
                    f"received {len(self.received)} of {count} requests within {timeout_s:g} s"
                )
            return list(self.received)

    def mend(self) -> None:
        """Let /back answer 200 from now on."""
        self.mended = True

    def store_request(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Verify and store a request."""
        try:
            self._verifier.verify(body, dict(headers))
        except WebhookVerificationError:
            verified = False
        else:
            verified = True
        with self._arrived:
            self.received.append(Received(path, headers, body, verified))
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the sender died in the middle of it: nobody waits for an answer
                    self.close_connection = True
                    return
                peer.store_request(
                    self.path, {name.lower(): value for name, value in self.headers.items()}, body
                )
                answer_by_path(self, peer)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


def answer_by_path(handler: BaseHTTPRequestHandler, peer: WebhookPeer) -> None:
    """Answer as the path says."""
    path = handler.path
    if path == "/hangs":
        peer.ended.wait()
    elif path == "/drops-once" and not peer.dropped:
        peer.dropped = True
        handler.close_connection = True
        handler.connection.close()
    elif path == "/redirect":
        _send_status(handler, 302, {"Location": "/ok"})
    elif path == "/busy":
        _send_status(handler, 429, {"Retry-After": "120"})
    elif path == "/back":
        _send_status(handler, 200 if peer.mended else 500)
    elif path == "/huge":
        _send_endless_body(handler, peer)
    else:
        _send_status(handler, STATUS.get(path, 200))


def _send_status(
    handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _send_endless_body(handler: BaseHTTPRequestHandler, peer: WebhookPeer) -> None:
    """Send a body until the client closes the connection."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.end_headers()
    handler.close_connection = True
    try:
        while not peer.ended.is_set():
            handler.wfile.write(b"x" * 65_536)
    except OSError:
        return
