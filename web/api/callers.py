"""Who asks the API: a program with a service token, or a person who is signed in; and how often.

A request with an Authorization header is judged by that alone, so that a wrong token never falls back to a
cookie. A change by cookie has to come from our own pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from storage.service_tokens import TokenScope
from storage.users import Role
from storage.visible.visibility import Visibility
from web.access.cookies import session_token
from web.access.signed_in import SignedIn, signed_in
from web.access.tokens import ApiCaller, api_caller
from web.api.errors import TooManyRequests
from web.console import Console, ConsoleParts
from web.errors import ConsoleError, NotAllowed, NotVisible
from web.security import own_form

Row = TypeVar("Row")

#: The role that a person needs where a program needs the scope.
ROLES = {
    TokenScope.FINDINGS_WRITE: Role.ANALYST,
    TokenScope.DELIVERIES_WRITE: Role.ANALYST,
    TokenScope.AUDIT_READ: Role.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Asker:
    """A program or a person. `name` is what rows and the audit log have as "by"."""

    name: str
    view: Visibility
    who: ApiCaller | SignedIn

    def require(self, scope: TokenScope, company_id: int | None = None) -> None:
        """Raise unless a program has the scope, or a person its role for the company.

        Call it after the row was found: what may not be seen is not there, whatever somebody may do.
        """
        if isinstance(self.who, ApiCaller):
            self.who.require(scope)
        else:
            self.who.require(ROLES.get(scope, Role.VIEWER), company_id)

    def require_everything(self) -> None:
        """Raise unless the whole installation may be seen."""
        if self.view.companies is not None:
            raise NotAllowed(Role.VIEWER)


class RequestLimits:
    """Counts the requests of the last minute, by asker, in this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def count(self, name: str, per_minute: int) -> None:
        """Count a request; raises TooManyRequests, which says when the next one is accepted."""
        item = RateLimitItemPerMinute(per_minute)
        if not self._limiter.hit(item, name):
            wait_s = self._limiter.get_window_stats(item, name).reset_time - time.time()
            raise TooManyRequests(retry_after_s=max(1, int(wait_s) + 1))


def limits_of(request: Request) -> RequestLimits:
    limits = request.app.state.request_limits
    assert isinstance(limits, RequestLimits)
    return limits


async def own_change(request: Request) -> None:
    """Raise ForgedRequest if a change by cookie does not come from our own pages."""
    if "authorization" not in request.headers and session_token(request):
        await own_form(request)


def asker(request: Request, console: ConsoleParts) -> Asker:
    """Return who asks; raises NotSignedIn or TooManyRequests."""
    limits = limits_of(request)
    try:
        found = _asker(request, console)
    except ConsoleError:
        address = request.client.host if request.client else ""
        limits.count(f"refused {address}", console.settings.web.api_refusals_per_minute)
        raise
    limits.count(found.name, console.settings.web.api_requests_per_minute)
    return found


def _asker(request: Request, console: Console) -> Asker:
    if "authorization" in request.headers:
        program = api_caller(request, console)
        return Asker(program.name, program.view, program)
    person = signed_in(request, console)
    return Asker(person.name, person.view, person)


def ask_again(request: Request, console: Console) -> Asker:
    """Return who asks, judged anew, for long answers; raises as the first time."""
    again = _asker(request, console)
    if isinstance(again.who, ApiCaller):
        again.who.require(TokenScope.FINDINGS_READ)
    return again


def asker_with(scope: TokenScope) -> Callable[..., Asker]:
    """Return the dependency that gives an asker who may read what the scope names, of some company."""

    def asker_with_scope(found: Annotated[Asker, Depends(asker)]) -> Asker:
        if isinstance(found.who, ApiCaller):
            found.who.require(scope)
        return found

    return asker_with_scope


def installation_admin_only(found: Asker) -> None:
    """Raise NotAllowed unless the asker may read the audit log, which tells of every company."""
    if found.view.companies is not None:
        raise NotAllowed(Role.ADMIN)
    found.require(TokenScope.AUDIT_READ)


FindingsReader = Annotated[Asker, Depends(asker_with(TokenScope.FINDINGS_READ))]
FindingsWriter = Annotated[Asker, Depends(asker_with(TokenScope.FINDINGS_WRITE))]
ListingsReader = Annotated[Asker, Depends(asker_with(TokenScope.LISTINGS_READ))]
SourcesReader = Annotated[Asker, Depends(asker_with(TokenScope.SOURCES_READ))]
CompaniesReader = Annotated[Asker, Depends(asker_with(TokenScope.COMPANIES_READ))]
DeliveriesReader = Annotated[Asker, Depends(asker_with(TokenScope.DELIVERIES_READ))]
DeliveriesWriter = Annotated[Asker, Depends(asker_with(TokenScope.DELIVERIES_WRITE))]
StatisticsReader = Annotated[Asker, Depends(asker_with(TokenScope.STATISTICS_READ))]
AuditReader = Annotated[Asker, Depends(asker_with(TokenScope.AUDIT_READ))]


def required(row: Row | None) -> Row:
    """Return a row; raises NotVisible if there is none, or none that may be seen."""
    if row is None:
        raise NotVisible
    return row
