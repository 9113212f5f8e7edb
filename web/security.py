"""What holds for every request before any route: hosts, size, headers, and forged changes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.access.form_token import is_form_token
from web.errors import ForgedRequest

MAX_BODY_BYTES = 2 * 1024 * 1024  # of one request; forms and JSON are far smaller
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
OWN_SITE = frozenset({"same-origin", "none"})  # of Sec-Fetch-Site; none: typed by the person
CSRF_FIELD = "csrf"

#: Nothing is loaded from elsewhere, no script or style stands in a page, and no page is shown in a frame.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any referrer, browsers send "Origin: null" with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class RequestTooLarge(Exception):
    """More than MAX_BODY_BYTES came."""


class SecurityMiddleware:
    """Refuses other hosts and large bodies, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        """`hosts`: names under which the console is reached, without ports; empty: any."""
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                answer.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    answer.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        received = 0
        answered = False

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise RequestTooLarge
            return message

        async def send_once(message: Message) -> None:
            nonlocal answered
            answered = True
            await send_with_headers(message)

        try:
            await self._app(scope, receive_within_limit, send_once)
        except RequestTooLarge:
            if not answered:
                await _too_large()(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._hosts and host not in self._hosts:
            return PlainTextResponse("This host name is not served here.\n", HTTPStatus.MISDIRECTED_REQUEST)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _too_large()
        return None


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(
        f"A request may have {MAX_BODY_BYTES} bytes.\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )


async def own_form(request: Request) -> None:
    """Raise ForgedRequest if a change does not come from a form of ours. For every route of the pages.

    A browser says where a request comes from, and the form holds a token that other sites cannot read: either
    of them alone would do.
    """
    if request.method not in CHANGING:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in OWN_SITE:
        raise ForgedRequest
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForgedRequest
    form = await request.form(max_files=0, max_fields=2000)
    sent = form.get(CSRF_FIELD) or request.headers.get("x-csrf-token")
    if not isinstance(sent, str) or not is_form_token(request, sent):
        raise ForgedRequest


OwnForm = Annotated[None, Depends(own_form)]
