"""The console's process: opens what the requests share, and serves until SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from datetime import datetime

from configuration.settings import Settings
from configuration.settings_in_force import Origins
from configuration.web_settings import DEFAULT_LISTEN
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from web.app import create_app
from web.console import Console
from web.serving import listening_socket, make_server


def serve_console(
    settings: Settings,
    *,
    database: Database,
    evidence: EvidenceStore,
    clock: Callable[[], datetime],
    ready: Callable[[str], None],
    origins: Origins,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` gets the address once it answers. Raises ListenRefused.

    `origins`: where the settings were set.
    """
    listen = settings.web.listen or DEFAULT_LISTEN
    app = create_app(Console(settings, database, evidence, clock, origins))
    with listening_socket(listen) as listening:
        address = address_of(settings, listening)
        server = make_server(app, settings.web, started=lambda: ready(address))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)  # which also ends the streams of live updates
        server.run(sockets=[listening])


def address_of(settings: Settings, listening: socket.socket) -> str:
    """Return the address that people open."""
    if settings.web.public_url:
        return settings.web.public_url
    host, port = listening.getsockname()[:2]
    scheme = "http" if settings.web.tls_certificate is None else "https"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{'127.0.0.1' if host == '0.0.0.0' else shown}:{port}"  # noqa: S104  (compared)
