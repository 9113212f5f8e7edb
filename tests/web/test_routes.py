"""Every route of the console, asked by strangers and by people without a role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from storage import users
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.world import World
from tests.web.running import RunningConsole, form_token, running_console
from web.app import create_app

#: What strangers may ask for. Each answers with nothing about findings, people or settings.
PUBLIC = {
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-in/passkey",
    "GET /sign-in/second-factor",
    "POST /sign-in/second-factor",
    "POST /sign-out",
    "GET /oidc/sign-in",
    "GET /oidc/answer",
    "GET /welcome/{token}",
    "POST /welcome/{token}",
}


def _routes(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and an address of every route."""
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path or ""
        if isinstance(route, APIRoute):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, path, re.sub(r"\{[^}]*\}", "1", path)


def test_strangers_reach_nothing(sqlite_database: Database, evidence: EvidenceStore) -> None:
    """With a form token of their own, too: pages lead to signing in, changes and the API are refused. Nobody
    without a role sees or changes anything either, or makes a page fail.
    """
    world = World(sqlite_database)
    world.add_finding()
    with running_console(sqlite_database, evidence, world.clock) as console:
        every = _routes(create_app(console.console))
        routes = [each for each in every if f"{each[0]} {each[1]}" not in PUBLIC]
        stranger, nobody = console.client(), console.client(_without_roles(console))
        guest, own = form_token(stranger.get("/sign-in")), form_token(nobody.get("/account"))
        reached, failed = {}, {}
        for method, path, address in routes:
            answer = stranger.request(method, address, headers={"x-csrf-token": guest})
            to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            if answer.status_code != 401 and not (method == "GET" and to_sign_in):
                reached[f"{method} {path}"] = answer.status_code
            if path not in ("/account/sessions/end",):
                with nobody.stream(method, address, headers={"x-csrf-token": own}) as begun:  # some never end
                    if begun.status_code >= 500:
                        failed[f"{method} {path}"] = begun.status_code

    assert len(routes) > 20
    assert (reached, failed) == ({}, {})


def _without_roles(console: RunningConsole) -> str:
    now = console.console.clock()
    with console.database.transaction() as session:
        user = users.add_user(session, "nobody", now=now)
        assert user is not None
        return users.begin_session(session, user, now=now, lasts=timedelta(hours=1))
