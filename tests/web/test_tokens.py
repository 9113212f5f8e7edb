"""Programs that ask the API with a service token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import Request

from storage import companies, service_tokens
from storage.evidence.warc import EvidenceStore
from storage.retention.erasure import erase_company
from storage.service_tokens import TokenScope
from tests.alerts.world import World
from tests.docs.pages import sections
from tests.web.running import RunningConsole
from web.access.tokens import ApiCaller, api_caller
from web.errors import NotSignedIn, ScopeMissing, ServiceTokenRefused
from web.wording import texts


def _made(
    console: RunningConsole, name: str = "siem", *, scopes: set[TokenScope], company: str | None = None
) -> str:
    now = console.console.clock()
    with console.database.transaction() as session:
        found = companies.company_by_slug(session, company) if company else None
        return service_tokens.make_token(
            session,
            name,
            scopes,
            company_id=found.id if found else None,
            by="anna",
            expires_at=now + timedelta(days=30),
            now=now,
        )


def _asked(console: RunningConsole, authorization: str | None) -> ApiCaller:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return api_caller(Request({"type": "http", "headers": headers}), console.console)


def test_a_token_gives_its_scopes_and_its_companys_view(console: RunningConsole, world: World) -> None:
    token = _made(console, scopes={TokenScope.FINDINGS_READ, TokenScope.EXPORTS_READ}, company="qudian")

    caller = _asked(console, f"bearer  {token}")

    assert caller.name == "token:siem"
    assert caller.company_id is not None
    assert caller.view.companies == frozenset({caller.company_id})
    caller.require(TokenScope.EXPORTS_READ)
    with pytest.raises(ScopeMissing, match="findings:write"):
        caller.require(TokenScope.FINDINGS_WRITE)
    with console.database.reading() as session:
        row = service_tokens.token_by_name(session, "siem")
        assert row
        assert row.last_used_at == world.clock()
        assert token not in str(vars(row))
    assert _asked(console, f"Bearer {_made(console, 'all', scopes=set())}").view.companies is None


def test_what_is_no_token_in_force_is_refused(console: RunningConsole, world: World) -> None:
    token = _made(console, scopes={TokenScope.FINDINGS_READ})
    long = f"Bearer {service_tokens.PREFIX}{'x' * 9999}"
    for wrong in (None, "", "Bearer", "Bearer ", token, f"Basic {token}", f"Bearer {token}x", long):
        with pytest.raises(NotSignedIn):
            _asked(console, wrong)

    world.clock.now += timedelta(days=31)
    with pytest.raises(ServiceTokenRefused, match="expired"):
        _asked(console, f"Bearer {token}")

    ended = _made(console, "other", scopes={TokenScope.FINDINGS_READ})
    with console.database.transaction() as session:
        row = service_tokens.token_by_name(session, "other")
        assert row
        assert service_tokens.end_token(session, row.id, by="anna", now=world.clock())
        assert not service_tokens.end_token(session, row.id, by="anna", now=world.clock())
    with pytest.raises(ServiceTokenRefused, match="ended"):
        _asked(console, f"Bearer {ended}")


def test_a_token_goes_with_its_company_and_nobody_gets_the_companys_number(
    console: RunningConsole, world: World, evidence: EvidenceStore
) -> None:
    token = _made(console, scopes={TokenScope.FINDINGS_READ}, company="qudian")
    before = _asked(console, f"Bearer {token}").company_id

    erase_company(console.database, "qudian", person="anna", reason="contract ended", now=world.clock())
    world.declare_second_company()

    with pytest.raises(NotSignedIn):
        _asked(console, f"Bearer {token}")
    with console.database.reading() as session:
        assert before not in companies.slugs_by_id(session)


def test_every_scope_has_its_place() -> None:
    """docs/reference/service-tokens.md has the scopes that there are and no others; /tokens says each."""
    (below,) = (one.places for one in sections("reference") if one.title == "Scopes")

    assert {scope.value for scope in TokenScope} == below
    assert {f"tokens.scope_{scope.name.lower()}" for scope in TokenScope} <= texts().keys()
