"""Who may what: what each route of the console and its API answers to each caller about company A's things.

`python -m tests.web.who_may` writes who_may.txt anew, after a route was added. Read what changed in it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from fastapi.routing import iter_route_contexts

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage import companies, matches, users
from storage.companies import DeclaredCompany, DeclaredTerm, TermKind
from storage.database import schema
from storage.database.base import Database
from storage.deliveries import Delivery
from storage.evidence.warc import EvidenceStore
from storage.service_tokens import TokenScope
from storage.users import Role, User
from tests.alerts.samples import webhook_channel
from tests.alerts.world import TERMS, World
from tests.web.api.askers import UNLIMITED, form_token_of, token_of
from tests.web.running import RunningConsole, running_console
from web.access.signed_in import COOKIE
from web.app import create_app

TABLE = Path(__file__).with_name("who_may.txt")
A, B = "qudian", "harbour"
#: Words of company A's finding, listing and delivery, which nobody of company B may read anywhere.
SECRET_TITLE = "kestrel ledger"
#: What changes something when it is called, and what else it needs to be understood.
BODIES: Mapping[str, object] = {
    "PATCH /api/v1/findings/{reference}": {"labels": ["seen"]},
    "POST /api/v1/findings/{reference}/notes": {"text": "seen"},
    "POST /api/v1/findings/{reference}/merge": {"into": "NOTTHERE9"},
    "POST /api/v1/findings/{reference}/unmerge": {},
}
#: Names that no row has. Sources have the same names for everybody.
NOWHERE = {
    "reference": "NOTTHERE9",
    "delivery": "nokey",
    "slug": "nobody",
    "name": "market",
    "token": "unknown",
}
NO_NUMBER = "987654"


@dataclass
class Caller:
    """`session` or `token`; a stranger has neither."""

    name: str
    user: str | None = None
    token: str | None = None


@dataclass
class Checked:
    """A console with a finding of company A, and those who ask about it."""

    console: RunningConsole
    world: World
    version_id: int
    values: dict[str, str] = field(default_factory=dict)
    callers: list[Caller] = field(default_factory=list)

    @cached_property
    def client(self) -> httpx.Client:
        """One for all: making one takes longer than a request."""
        return httpx.Client(base_url=self.console.url, verify=False, trust_env=False, timeout=20)

    def ask(
        self, caller: Caller, method: str, route: str, values: Mapping[str, str], session: str | None = None
    ) -> httpx.Response:
        """Return the answer, of a stream only its head."""
        number = NO_NUMBER if values is NOWHERE else "1"
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: values.get(part[1], number), route)
        headers = {"If-Match": "*", "Sec-Fetch-Site": "same-origin"}
        if caller.token is not None:
            headers["Authorization"] = f"Bearer {caller.token}"
        if caller.user is not None:
            cookie = session or self.session(caller.user)
            headers |= {"Cookie": f"{COOKIE}={cookie}", "x-csrf-token": form_token_of(cookie)}
        body = BODIES.get(f"{method} {route}")
        self.client.cookies.clear()
        content: dict[str, Any] = {} if body is None else {"json": body}
        with self.client.stream(method, path, headers=headers, **content) as answer:
            if "event-stream" not in answer.headers.get("content-type", ""):
                answer.read()
        return answer

    def session(self, user: str) -> str:
        """Begin a session of a person, so that no request ends one for the others."""
        with self.console.database.transaction() as session:
            row = session.query(User).filter_by(name=user).one()
            return users.begin_session(
                session, row, now=self.console.console.clock(), lasts=timedelta(hours=12)
            )


def checked(console: RunningConsole, world: World) -> Checked:
    """Store what the callers ask about, and the callers."""
    world.clock.advance(days=1)
    terms_of_b = (DeclaredTerm("harbour.example", TermKind.DOMAIN, "soc", "its site"),)
    a = DeclaredCompany(A, "Lending of A", TERMS, {}, "companies/qudian.toml")
    b = DeclaredCompany(B, "Harbour Bank", terms_of_b, {}, "companies/harbour.toml")
    with world.database.transaction() as session:
        companies.sync_declared_companies(session, [a, b], world.clock())
    made = Checked(
        console, world, version_id=world.crawl("1", title=f"{SECRET_TITLE} 趣店", seller="kestrel")
    )
    made.callers = list(_callers(console))
    with world.database.transaction() as session:
        matches.record_matches(session, made.version_id, [], now=world.clock())
    return made


def find(made: Checked) -> None:
    """Let the listing be found for company A, with an alert and a delivery."""
    world = made.world
    world.judging.evaluate(world.match(made.version_id))
    (alert,) = world.alerts()
    with world.database.reading() as session:
        delivery = session.query(Delivery).one()
    made.values = {
        "reference": alert.reference,
        "delivery": delivery.idempotency_key,
        "delivery_id": str(delivery.id),
        "slug": A,
        "name": "market",
        "token": "unknown",
    }


def _callers(console: RunningConsole) -> Iterator[Caller]:
    yield Caller("stranger")
    for place, company in (("a", A), ("b", B), ("all", None)):
        for role in Role:
            name = f"{role.value}-{place}"
            console.add_person(name, {company: role})
            yield Caller(name, user=name)
    for scope in TokenScope:
        token = token_of(console, [scope], company=A, name=f"a-{scope.value}")
        yield Caller(f"token-a-{scope.value}", token=token)
    yield Caller("token-b", token=token_of(console, company=B, name="b"))
    yield Caller("token-all", token=token_of(console, name="all"))


def routes(console: RunningConsole) -> list[tuple[str, str]]:
    """Return (method, path) of each route of the application, sorted by path."""
    found = set()
    for context in iter_route_contexts(create_app(console.console).routes):
        for method in context.methods or ():
            if method != "HEAD":
                found.add((method, context.path or ""))
    return sorted(found, key=lambda each: (each[1], each[0]))


def answers(made: Checked) -> Iterator[tuple[str, dict[int, list[str]]]]:
    """Yield each route with the callers by the status that they get. Tokens count below /api/ only."""
    for method, route in routes(made.console):
        by_status: dict[int, list[str]] = {}
        for caller in made.callers:
            if caller.token is None or route.startswith("/api/"):
                status = made.ask(caller, method, route, made.values).status_code
                by_status.setdefault(status, []).append(caller.name)
        yield f"{method} {route}", by_status


def table_text(made: Checked) -> str:
    lines = []
    for route, by_status in answers(made):
        lines.append(route)
        lines += [f"  {status} {' '.join(names)}" for status, names in sorted(by_status.items())]
    return "\n".join(lines) + "\n"


SETTINGS = Settings(web=WebSettings(listen="127.0.0.1:0", **UNLIMITED))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/spillwatch.db")
        schema.upgrade_schema(database)
        world = World(database, channels={"hook": webhook_channel("http://localhost:9/x")})
        evidence = EvidenceStore(Path(folder) / "evidence")
        with running_console(database, evidence, world.clock, settings=SETTINGS) as console:
            made = checked(console, world)
            find(made)
            TABLE.write_text(table_text(made))
        database.close()


if __name__ == "__main__":
    main()
