"""The link by which the demo's reader gets into the console."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from configuration.web_settings import WebSettings
from storage.database.base import Database
from storage.users import Role
from web.access.invitations import make_invitation

READER = "you"


def free_port() -> int:
    """Return a port that is free now. The daemon takes it a second later."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def invite_reader(database: Database, listen: str) -> str:
    """Make the reader an admin of the demo's console, and return the link that works once."""
    settings, now = WebSettings(listen=listen), datetime.now(UTC)
    with database.transaction() as session:
        link = make_invitation(session, settings, READER, {None: Role.ADMIN}, by="cli:demo", now=now)
    assert link is not None, "the demo's database is new"
    return link
