"""A console that runs on loopback, and people who are signed in to it."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from configuration.settings import Settings
from configuration.settings_in_force import Origins
from configuration.web_settings import WebSettings
from storage import companies, users
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.users import Grant, Role, User
from web.access.signed_in import COOKIE
from web.app import create_app
from web.console import Console
from web.serving import listening_socket, make_server

START_S = 10


@dataclass
class RunningConsole:
    """`url` has no slash at its end."""

    console: Console
    url: str
    app: FastAPI

    @property
    def database(self) -> Database:
        return self.console.database

    def add_person(
        self, name: str = "anna", roles: Mapping[str | None, Role] | None = None, **fields: Any
    ) -> str:
        """Store a person with roles by company's slug (None: all companies); return a session's token."""
        now = self.console.clock()
        with self.database.transaction() as session:
            user = User(name=name, created_at=now, active=True, preferences={}, **fields)
            session.add(user)
            session.flush()
            for slug, role in (roles or {None: Role.ADMIN}).items():
                company = None if slug is None else companies.company_by_slug(session, slug)
                session.add(
                    Grant(user_id=user.id, company_id=None if company is None else company.id, role=role)
                )
            return users.begin_session(session, user, now=now, lasts=timedelta(hours=12))

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client, signed in if there is a token; it follows no redirect."""
        return httpx.Client(
            base_url=self.url, cookies={COOKIE: token} if token else None, trust_env=False, timeout=20
        )

    def signed_in(
        self, name: str = "anna", roles: Mapping[str | None, Role] | None = None, **fields: Any
    ) -> httpx.Client:
        return self.client(self.add_person(name, roles, **fields))


@contextmanager
def running_console(
    database: Database,
    evidence: EvidenceStore,
    clock: Callable[[], datetime],
    *,
    settings: Settings | None = None,
    origins: Origins | None = None,
    listening: socket.socket | None = None,
) -> Iterator[RunningConsole]:
    """Serve the console of a database on a free port, or on a socket, in a thread of its own."""
    chosen = settings or Settings(web=WebSettings(listen="127.0.0.1:0"))
    console = Console(chosen, database, evidence, clock, origins or {})
    listening = listening or listening_socket("127.0.0.1:0")
    started = threading.Event()
    app = create_app(console)
    server = make_server(app, chosen.web, started=started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert started.wait(START_S)
    try:
        yield RunningConsole(console, f"http://127.0.0.1:{listening.getsockname()[1]}", app)
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join(START_S)
        listening.close()


def form_token(page: httpx.Response) -> str:
    """Return the token of the forms in a page."""
    return page.text.partition('name="csrf-token" content="')[2].partition('"')[0]
