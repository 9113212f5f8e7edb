"""Programs and people who ask the API of a running console."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import httpx

from storage import companies, service_tokens
from storage.service_tokens import TokenScope
from tests.web.running import RunningConsole
from web.access.form_token import PURPOSE
from web.access.signed_in import COOKIE

V1 = "/api/v1"
#: Limits that no test reaches by accident.
UNLIMITED: dict[str, Any] = {"api_requests_per_minute": 1_000_000, "api_refusals_per_minute": 1_000_000}


def token_of(
    console: RunningConsole,
    scopes: Collection[TokenScope] = tuple(TokenScope),
    *,
    company: str | None = None,
    name: str = "siem",
) -> str:
    """Make a service token and return it. `company`: slug; None: for the installation."""
    now = console.console.clock()
    with console.database.transaction() as session:
        row = None if company is None else companies.company_by_slug(session, company)
        return service_tokens.make_token(
            session,
            name,
            scopes,
            company_id=None if row is None else row.id,
            by="anna",
            expires_at=now + timedelta(days=1),
            now=now,
        )


def program(console: RunningConsole, token: str) -> httpx.Client:
    """Return a client with a token, whose addresses are below /api/v1."""
    return httpx.Client(
        base_url=console.url + V1,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=20,
    )


def form_token_of(cookie: str) -> str:
    """Return the token of the forms of a session."""
    return hmac.digest(cookie.encode(), PURPOSE, hashlib.sha256).hex()


def person(console: RunningConsole, session_token: str) -> httpx.Client:
    """Return a signed-in browser's client, which sends the token of the forms with each request."""
    return httpx.Client(
        base_url=console.url + V1,
        cookies={COOKIE: session_token},
        headers={"x-csrf-token": form_token_of(session_token)},
        trust_env=False,
        timeout=20,
    )
