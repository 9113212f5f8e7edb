"""People of a console under test, who are invited, sign in, and fill in forms as a browser does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
from sqlalchemy import select

from storage import companies
from storage.audit_log import AuditEntry
from storage.users import Role
from tests.web.running import RunningConsole, form_token
from web.access.invitations import make_invitation

PASSWORD = "seven herons over the lake"
GUESS = "seven herons over the river"


def invite(console: RunningConsole, name: str, roles: Mapping[str | None, Role] | None = None) -> str:
    """Invite a person with roles by company's slug (None: all companies); return the link's path."""
    now = console.console.clock()
    with console.database.transaction() as session:
        ids = {slug: company_id for company_id, slug in companies.slugs_by_id(session).items()}
        wanted = {
            None if slug is None else ids[slug]: role for slug, role in (roles or {None: Role.ADMIN}).items()
        }
        link = make_invitation(session, console.console.settings.web, name, wanted, by="cli:root", now=now)
    assert link is not None
    return "/welcome/" + link.rpartition("/")[2]


def send(client: httpx.Client, page: str, action: str | None = None, **fields: str) -> httpx.Response:
    """Open a page and send one of its forms, with the page's token."""
    shown = client.get(page)
    return client.post(action or page, data={"csrf": form_token(shown), **fields})


def join(console: RunningConsole, name: str, roles: Mapping[str | None, Role] | None = None) -> httpx.Client:
    """Invite a person who sets PASSWORD; return the client that is signed in."""
    client = console.client()
    answer = send(client, invite(console, name, roles), name=name, password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 303, answer.text
    return client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> str:
    """Send the form to sign in; return where the answer leads."""
    return send(client, "/sign-in", name=name, password=password, **fields).headers["location"]


def is_signed_in(client: httpx.Client) -> bool:
    return client.get("/").status_code == 200


def entries(console: RunningConsole) -> Sequence[tuple[str, str, str]]:
    """Return the actor, action and subject of each entry of the audit log."""
    with console.database.reading() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(row.actor, row.action, row.subject) for row in rows]
