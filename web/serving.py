"""The server: uvicorn with limits, TLS from files, and the headers of known proxies only."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import uvicorn
from fastapi import FastAPI

from configuration.web_settings import WebSettings
from web.errors import ListenRefused
from web.live import live_feed_if_open

MAX_CONNECTIONS = 1000  # at the same time; each open page with live updates is one
KEEP_ALIVE_S = 30
STOP_S = 3  # for requests in progress after SIGTERM
BACKLOG = 128


def listening_socket(address: str) -> socket.socket:
    """Return a socket that listens on HOST:PORT; raises ListenRefused."""
    host, _, port = address.rpartition(":")
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((name, int(port)))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise ListenRefused(
            f"Cannot listen on listen = {address} of [web]: {error.strerror}. "
            "If the port is in use, choose another."
        ) from error
    return found


def make_server(
    app: FastAPI, settings: WebSettings, *, started: Callable[[], None] | None = None
) -> uvicorn.Server:
    """Return a server for `run(sockets=[...])`. It writes no access log: addresses would name people."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        http="h11",
        ws="none",
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    return _Server(config, started)


class _Server(uvicorn.Server):
    """Says when it accepts connections, and ends the streams of open pages when it stops."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._told = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the server: uvicorn would end the process by the signal itself."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        feed = live_feed_if_open(cast(FastAPI, self.config.app))
        if feed is not None:  # else the open pages would be waited for
            feed.close()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._told is not None:
            self._told()
