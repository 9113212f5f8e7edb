"""Each route, each role, each company: who may what; and nobody of one company learns anything of another."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World
from tests.web.running import running_console
from tests.web.who_may import (
    NOWHERE,
    SECRET_TITLE,
    SETTINGS,
    TABLE,
    A,
    Caller,
    Checked,
    checked,
    find,
    routes,
    table_text,
)

#: Headers that say nothing of rows.
PASSING = {"date", "set-cookie"}
#: Pages with a new secret at each look.
NEVER_THE_SAME = ("/account/second-factor", "/sign-in")
#: It tells of the exports that company B made between the two looks.
OWN_ACTS = "/audit"
#: Parametrised routes that everybody who is signed in, or even a stranger, may open.
FOR_EVERYBODY = ("/sources/", "/api/v1/sources/", "/welcome/", "/static")


@pytest.fixture
def made(sqlite_database: Database, evidence: EvidenceStore) -> Iterator[Checked]:
    world = World(sqlite_database, channels={"hook": webhook_channel("http://localhost:9/x")})
    with running_console(sqlite_database, evidence, world.clock, settings=SETTINGS) as console:
        yield checked(console, world)


def of_company_b(made: Checked) -> list[Caller]:
    return [caller for caller in made.callers if caller.name in ("admin-b", "token-b")]


@pytest.mark.slow
def test_each_caller_gets_from_each_route_what_the_table_says(made: Checked) -> None:
    """A new route needs its lines: `python -m tests.web.who_may` writes them; read what changed."""
    find(made)

    assert table_text(made).splitlines() == TABLE.read_text().splitlines()


def test_what_is_found_for_one_company_changes_no_answer_to_another(made: Checked) -> None:
    """Every answer to company B is the same, to the byte and the ETag, before A has a finding and after."""
    sessions = {caller.name: made.session(caller.user) for caller in of_company_b(made) if caller.user}

    def seen() -> dict[tuple[str, str], tuple[int, bytes, dict[str, str]]]:
        found = {}
        for caller in of_company_b(made):
            for method, route in routes(made.console):
                if method != "GET" or route.startswith(NEVER_THE_SAME):
                    continue
                if caller.token is None or route.startswith("/api/"):
                    answer = made.ask(
                        caller, method, route, made.values or NOWHERE, sessions.get(caller.name)
                    )
                    if "event-stream" not in answer.headers.get("content-type", ""):
                        found[caller.name, route] = (answer.status_code, answer.content, told(answer.headers))
        return found

    made.values = dict(NOWHERE)
    before = seen()
    find(made)
    after = seen()

    assert [key for key in before if before[key] != after[key] and key[1] != OWN_ACTS] == []
    secrets = [each.encode() for each in (SECRET_TITLE, A, made.values["reference"], made.values["delivery"])]
    assert [key for key, answer in after.items() if any(secret in answer[1] for secret in secrets)] == []


def told(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in PASSING}


def test_what_may_not_be_seen_is_answered_like_what_does_not_exist(made: Checked) -> None:
    """To company B, a name or a number of A's is nothing: the same status, body and headers."""
    find(made)
    differs, given = [], []
    for caller in of_company_b(made):
        session = made.session(caller.user) if caller.user else None
        for method, route in routes(made.console):
            if "{" not in route or (caller.token is not None and not route.startswith("/api/")):
                continue
            if route.startswith(FOR_EVERYBODY):
                continue
            theirs, nothing = (
                made.ask(caller, method, route, values, session) for values in (made.values, NOWHERE)
            )
            if (theirs.status_code, theirs.content, told(theirs.headers)) != (
                nothing.status_code,
                nothing.content,
                told(nothing.headers),
            ):
                differs.append(f"{caller.name} {method} {route}")
            if theirs.status_code < 400:
                given.append(f"{caller.name} {method} {route}")

    assert (differs, given) == ([], [])
