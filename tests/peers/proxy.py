"""A real forward proxy on port 0, which connects (CONNECT) and forwards (http), and misbehaves on request.

It resolves names itself: `hosts` says where each leads, and every other name is unknown to it (502). `mood`:

- works: as a proxy should; with `login`, only for that user name and password
- refuses: 403 for everything
- broken: 502 for everything
- squid: 503 with Squid's header
- garbage: answers with something that is not HTTP
- closes: closes the connection without an answer
- hangs: never answers
- dies: ends with all its connections when it is asked
- dies-later: connects, and ends when the client sends the first byte to the site
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.peers.patience import PATIENCE_S

FIXED = {
    "refuses": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "broken": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    "squid": b"HTTP/1.1 503 Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"220 mail.lender.test ESMTP\r\n\r\n",
    "closes": b"",
}
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
WANTS_LOGIN = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n'
)
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class ProxyRequest:
    """What a client asked the proxy for: method, target, and headers by lower-case name."""

    method: str
    target: str
    headers: dict[str, str]


class ProxyPeer:
    """Use as a context manager. `requests` holds what it was asked for, in order."""

    def __init__(
        self,
        hosts: dict[str, int],
        *,
        mood: str = "works",
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`hosts`: the port on 127.0.0.1 to which each name leads, whatever port is asked for."""
        self.requests: list[ProxyRequest] = []
        self.mood = mood
        self.port = 0
        self._hosts = hosts
        self._login = login
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy-peer", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Its address, without a login."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._die()
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _die(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether another one may follow on this connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.requests.append(ProxyRequest(method, target, headers))
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "dies":
            self._die()
            return False
        if self.mood in FIXED:
            writer.write(FIXED[self.mood])
            await writer.drain()
            return self.mood not in ("garbage", "closes")
        if not self._knows(headers):
            writer.write(WANTS_LOGIN)
            return True
        if self.mood == "dies-later":
            writer.write(ESTABLISHED)
            await reader.read(1)
            self._die()
            return False
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        host = target.rpartition(":")[0] if method == "CONNECT" else urlsplit(target).hostname or ""
        if host.strip("[]") not in self._hosts:
            writer.write(FIXED["broken"])
            return True
        site = await asyncio.open_connection("127.0.0.1", self._hosts[host.strip("[]")])
        self._writers.add(site[1])
        if method == "CONNECT":
            writer.write(ESTABLISHED)
        else:
            site[1].write(_forwarded(method, target, headers) + body)
        await self._relay((reader, writer), site)
        return False

    def _knows(self, headers: dict[str, str]) -> bool:
        if self._login is None:
            return True
        wanted = base64.b64encode(":".join(self._login).encode()).decode()
        return headers.get("proxy-authorization") == f"Basic {wanted}"

    async def _relay(self, client: Stream, site: Stream) -> None:
        copies = [_copy(client[0], site[1]), _copy(site[0], client[1])]
        tasks = [asyncio.ensure_future(copy) for copy in copies]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        site[1].close()


def _forwarded(method: str, target: str, headers: dict[str, str]) -> bytes:
    """Return a request as a proxy passes it on: the path alone, and nothing that is meant for the proxy."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = {name: value for name, value in headers.items() if name and not name.startswith("proxy-")}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
