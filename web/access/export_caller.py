"""Who fetches an export: a person who is signed in, or a program with a token of the scope exports:read.

Calendars and feed readers know no bearer tokens, so a token is accepted as the password of Basic
authentication, too; the name beside it may be anything. It never stands in an address: addresses are in the
logs of proxies, in histories and in lists of feeds that people share. The password of a person is not taken.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from storage.service_tokens import TokenScope
from storage.visible.visibility import Visibility
from web.access.signed_in import signed_in
from web.access.tokens import MAX_CHARS, api_caller
from web.console import ConsoleParts
from web.errors import NotSignedIn


@dataclass(frozen=True, slots=True)
class ExportCaller:
    """`company_id`: the company of a token; None: a person, or a token of the whole installation."""

    name: str
    view: Visibility
    company_id: int | None = None


def export_caller(request: Request, console: ConsoleParts) -> ExportCaller:
    """Return who asks; raises NotSignedIn, ServiceTokenRefused or ScopeMissing."""
    given = request.headers.get("authorization")
    if given is None:
        person = signed_in(request, console)
        return ExportCaller(person.name, person.view)
    caller = api_caller(_with_bearer(request, given), console)
    caller.require(TokenScope.EXPORTS_READ)
    return ExportCaller(caller.name, caller.view, caller.company_id)


def _with_bearer(request: Request, given: str) -> Request:
    """Return the request with a password of Basic authentication as the token."""
    scheme, _, value = given.strip().partition(" ")
    if scheme.lower() != "basic":
        return request
    if len(value) > 4 * MAX_CHARS:
        raise NotSignedIn
    try:
        password = b64decode(value.strip(), validate=True).decode("ascii").partition(":")[2]
    except ValueError:
        raise NotSignedIn from None
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"authorization"]
    headers.append((b"authorization", f"Bearer {password}".encode()))
    return Request({**request.scope, "headers": headers})


Exporter = Annotated[ExportCaller, Depends(export_caller)]
