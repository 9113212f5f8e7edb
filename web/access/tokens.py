"""The program that asks the API, known by a service token, and what it may do.

A route of the API asks for what it needs by a dependency:

    FindingsReader = Annotated[ApiCaller, caller_with(TokenScope.FINDINGS_READ)]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request

from storage import service_tokens
from storage.service_tokens import ServiceToken, TokenScope
from storage.visible.visibility import Visibility
from web.console import Console, ConsoleParts
from web.errors import NotSignedIn, ScopeMissing, ServiceTokenRefused

USED_AGAIN = timedelta(minutes=1)  # between two writes of "last used"
MAX_CHARS = 200  # of the header's value; ours has 64


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """`name` is what entries of the audit log and rows have as "by". `company_id` None: every company."""

    token_id: int
    name: str
    scopes: frozenset[TokenScope]
    company_id: int | None

    @property
    def view(self) -> Visibility:
        """What this program may see."""
        return Visibility(None if self.company_id is None else frozenset({self.company_id}))

    def may(self, scope: TokenScope) -> bool:
        return scope in self.scopes

    def require(self, scope: TokenScope) -> None:
        if scope not in self.scopes:
            raise ScopeMissing(scope)


def api_caller(request: Request, console: ConsoleParts) -> ApiCaller:
    """Return the program that asks; raises NotSignedIn (there is no token of ours) or ServiceTokenRefused."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(service_tokens.PREFIX) or len(token) > MAX_CHARS:
        raise NotSignedIn
    caller = _caller_of(console, token)
    request.state.caller = caller
    return caller


def _caller_of(console: Console, token: str) -> ApiCaller:
    now = console.clock()
    with console.database.reading() as session:
        row = service_tokens.row_of_token(session, token)
        if row is None:
            raise NotSignedIn
        if row.ended_at is not None:
            raise ServiceTokenRefused("This token has been ended. An admin makes another one under /tokens.")
        if row.expires_at <= now:
            raise ServiceTokenRefused("This token has expired. An admin makes another one under /tokens.")
        caller, token_id, used = _caller(row), row.id, row.last_used_at
    if used is None or now - used >= USED_AGAIN:
        console.database.write(lambda session: service_tokens.note_token_used(session, token_id, now=now))
    return caller


def _caller(row: ServiceToken) -> ApiCaller:
    known = {scope.value for scope in TokenScope}  # an older version may have written others
    scopes = frozenset(TokenScope(each) for each in row.scopes if each in known)
    return ApiCaller(row.id, f"token:{row.name}", scopes, row.company_id)


#: A program with a token, whatever it may do.
Caller = Annotated[ApiCaller, Depends(api_caller)]


def caller_with(scope: TokenScope) -> Any:  # noqa: ANN401  (what Depends returns)
    """Return the dependency that gives a program which has the scope; raises ScopeMissing."""

    def caller_with_scope(caller: Caller) -> ApiCaller:
        caller.require(scope)
        return caller

    return Depends(caller_with_scope)
