"""The application: which routes there are, and how a refusal is answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any, cast
from urllib.parse import quote, urlsplit

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, compile_path
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from storage.errors import StorageError
from web.access.signed_in import SignedIn
from web.api.errors import ApiRefusal
from web.api.routes import add_api
from web.console import Console
from web.errors import (
    ConsoleError,
    NotSignedIn,
    RequestRefused,
    ScopeMissing,
    SecondFactorMissing,
    ServiceTokenRefused,
)
from web.pages import ROUTERS
from web.rendering import render
from web.security import SecurityMiddleware, own_form

API = "/api/"
EXPORTS = "/api/v1/exports/"
SIGN_IN = "/sign-in"
SECOND_FACTOR = "/account/second-factor"
PROBLEM = "application/problem+json"  # RFC 9457
TOLD = (RequestRefused, ScopeMissing, ServiceTokenRefused, ApiRefusal)  # whose sentence is part of the answer
FIELDS = 20  # that one answer names
FIELD = re.compile(r"[\w-]{1,40}", re.ASCII)
KEPT_S = 365 * 24 * 3600

log = structlog.get_logger()


class KeptFiles(StaticFiles):
    """Static files, whose addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
        return response


def create_app(console: Console) -> FastAPI:
    """Return the application with all of its routes."""
    app = FastAPI(title="Spillwatch", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = console
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(own_form)])
    add_api(app, console)
    app.mount("/static", KeptFiles(directory=str(files("web") / "static")))
    app.add_middleware(SecurityMiddleware, hosts=hosts_of(console))
    app.add_exception_handler(ConsoleError, refused)
    app.add_exception_handler(StorageError, failed)
    app.add_exception_handler(HTTPException, not_served)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, failed)
    return app


def hosts_of(console: Console) -> frozenset[str]:
    """Return the names under which the console may be asked for; empty: any, as it listens everywhere."""
    web = console.settings.web
    named = {urlsplit(web.public_url).hostname} if web.public_url else set()
    listen = web.listen.rpartition(":")[0].strip("[]")
    if listen in ("0.0.0.0", "::", "") and not named:  # noqa: S104  (compared, not bound)
        return frozenset()
    return frozenset({*(name for name in named if name), listen, "localhost", "127.0.0.1", "::1"} - {""})


def refused(request: Request, error: Exception) -> Response:
    """Answer a request that is refused: with a page, a way to sign in, or problem+json."""
    told = cast(ConsoleError, error)
    if isinstance(told, NotSignedIn) and request.method == "GET" and not _is_api(request):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = "" if wanted == "/" else f"?next={quote(wanted, safe='')}"
        return RedirectResponse(f"{SIGN_IN}{back}", HTTPStatus.SEE_OTHER)
    if isinstance(told, SecondFactorMissing) and request.method == "GET" and not _is_api(request):
        return RedirectResponse(SECOND_FACTOR, HTTPStatus.SEE_OTHER)
    detail = str(told) if isinstance(told, TOLD) and told.args else ""
    answer = _answer(request, HTTPStatus(told.status), told.reason, detail)
    if isinstance(told, ApiRefusal):
        answer.headers.update(told.headers)
    if isinstance(told, NotSignedIn | ServiceTokenRefused) and _is_api(request):
        # Feed readers send a password only after they were asked for one.
        basic = ', Basic realm="Spillwatch"' if request.url.path.startswith(EXPORTS) else ""
        answer.headers["WWW-Authenticate"] = f"Bearer{basic}"
    return answer


def not_served(request: Request, error: Exception) -> Response:
    """Answer what no route serves."""
    status = HTTPStatus(cast(HTTPException, error).status_code)
    reason = "not_there" if status is HTTPStatus.NOT_FOUND else status.phrase.lower().replace(" ", "_")
    answer = _answer(request, status, reason, "")
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods_at(request))
    return answer


def _methods_at(request: Request) -> list[str]:
    """Return the methods of all routes that have the request's path; the framework names those of one."""
    found: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        route = context.original_route
        if isinstance(route, Route) and compile_path(context.path or "")[0].match(request.url.path):
            found |= route.methods or set()
    return sorted(found)


def invalid(request: Request, error: Exception) -> Response:
    """Answer a request whose fields do not fit, without repeating their values."""
    errors = cast(RequestValidationError, error).errors()
    fields = ", ".join(sorted({_field(each["loc"]) for each in errors})[:FIELDS])
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "request_refused", fields)


def _field(place: Sequence[object]) -> str:
    """Return the name of a field; a name that no form of ours has is not repeated."""
    parts = [str(part) for part in place[1:]]
    return ".".join(part if FIELD.fullmatch(part) else "(another field)" for part in parts) or "(the body)"


def failed(request: Request, error: Exception) -> Response:
    """Answer a request that met an error of ours or of the database. The log has the error, not the page."""
    reason = error.reason if isinstance(error, StorageError) else "internal_error"
    log.error("A request failed.", action="request_failed", reason=reason, error=type(error).__name__)
    status = (
        HTTPStatus.SERVICE_UNAVAILABLE
        if isinstance(error, StorageError)
        else HTTPStatus.INTERNAL_SERVER_ERROR
    )
    return _answer(request, status, reason, "")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith(API)


def _answer(request: Request, status: HTTPStatus, reason: str, detail: str) -> Response:
    if _is_api(request):
        body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status)}
        body |= {"reason": reason} | ({"detail": detail} if detail else {})
        return JSONResponse(body, status, media_type=PROBLEM)
    person: SignedIn | None = getattr(request.state, "person", None)
    return render(
        request,
        "refusal.html",
        person=person,
        status=status,
        http_status=status,
        reason=reason,
        detail=detail,
    )
