"""A real S3 server (moto) in this process, and a proxy before it that misbehaves on request.

moto shows: put, ranged get, list, delete, `If-None-Match: *` and `If-Match`. It does not check signatures or
permissions, it is consistent at once, and it never throttles: what a client does then, the proxy shows.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from storage.stores.settings import S3Settings
from tests.peers.http_peer import LOOPBACK
from tests.peers.patience import PATIENCE_S

REGION = "us-east-1"
#: What the proxy does to a request.
SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


class S3Server:
    """Use as a context manager. `bucket()` makes a new, empty bucket."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)

    def __enter__(self) -> Self:
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex}"
        self.request("PUT", f"/{name}")
        return name

    def request(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send one request that nobody signed: moto answers all the same."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def s3_settings(endpoint: str, **changes: object) -> S3Settings:
    """Return settings that reach a server of this module."""
    values: dict[str, object] = {
        "endpoint": endpoint,
        "region": REGION,
        "access_key_id": SecretStr("key"),
        "secret_access_key": SecretStr("secret"),
        "timeout_s": 5.0,
    }
    return S3Settings.model_validate(values | changes)


class FaultProxy:
    """A proxy before an S3 server. Use as a context manager; `requests` holds method and target.

    `fault` is what it does to each request, or to the next `times` of them:

    - "": passes it on
    - 500, 503: answers with this status (503 is S3's SlowDown) and passes nothing on
    - 403: answers as for a wrong key
    - slow: answers after `delay_s`
    - cut: closes the connection before it has read the content
    - lost: passes it on, and closes the connection instead of answering
    - overwrites: passes it on without `If-None-Match`, as if the server did not know it
    - half: passes it on, and closes the connection in the middle of the answer
    """

    def __init__(
        self,
        server: S3Server,
        *,
        delay_s: float = 30.0,
        address: str = LOOPBACK,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[tuple[str, str]] = []
        self.fault = ""
        self.times: int | None = None
        self.delay_s = delay_s
        self._stopping = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                return

            def answer(self) -> None:
                proxy._answer(self, server.port)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://{address}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def _next_fault(self) -> str:
        if self.times is None:
            return self.fault
        self.times -= 1
        return self.fault if self.times >= 0 else ""

    def _answer(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        self.requests.append((handler.command, handler.path))
        fault = self._next_fault()
        if fault == "cut":
            self._cut(handler)
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if fault in ("500", "503", "403"):
            _send(handler, int(fault), [], SLOW_DOWN if fault == "503" else b"<Error></Error>")
            return
        if fault == "slow":
            self._stopping.wait(self.delay_s)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if not (fault == "overwrites" and name.lower() == "if-none-match"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if fault == "lost":
            self._cut(handler)
            return
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else None
        if fault == "half":
            _send(
                handler,
                answer.status,
                headers,
                content[: len(content) // 2],
                length=length or str(len(content)),
            )
            self._cut(handler)
            return
        _send(handler, answer.status, headers, content, length=length)

    def _cut(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "server", "date"}


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    content: bytes,
    *,
    length: str | None = None,
) -> None:
    try:
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", length or str(len(content)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)
    except OSError:  # the client has given up
        handler.close_connection = True
