"""The cookies: of a session, of a guest who has not signed in, and of a sign-in that is half done.

Over TLS their names begin with __Host-, which a browser takes from this host only, and only with Secure
(RFC 6265bis): a page of a neighbouring host can then plant none.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from web.console import console_of

COOKIE = "spillwatch_session"
GUEST = "spillwatch_guest"
HALF_WAY = "spillwatch_half_way"
HOST_ONLY = "__Host-"
SECURE_COOKIE = f"{HOST_ONLY}{COOKIE}"
GUEST_BYTES = 32
MAX_CHARS = 1024  # of a cookie's value; ours are shorter


def is_secure(request: Request) -> bool:
    """Return whether the browser speaks TLS, to us or to the proxy in front that public_url names."""
    if request.url.scheme == "https":
        return True
    public = urlsplit(console_of(request).settings.web.public_url)
    return public.scheme == "https" and public.hostname == request.url.hostname


def cookie_of(request: Request, name: str) -> str:
    """Return the value of one of our cookies; "" if the browser sent none under the name that counts here."""
    value = request.cookies.get(f"{HOST_ONLY}{name}" if is_secure(request) else name, "")
    return value if len(value) <= MAX_CHARS else ""


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Set one of our cookies until the browser closes; the rows say when a session ends earlier."""
    secure = is_secure(request)
    response.set_cookie(
        f"{HOST_ONLY}{name}" if secure else name,
        value,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def remove_cookie(request: Request, response: Response, name: str) -> None:
    secure = is_secure(request)
    response.delete_cookie(
        f"{HOST_ONLY}{name}" if secure else name, path="/", secure=secure, httponly=True, samesite="lax"
    )


def session_token(request: Request) -> str:
    return cookie_of(request, COOKIE)


def guest_token(request: Request) -> str:
    """Return the token that stands for a session before signing in: the browser's, or the one made now."""
    return getattr(request.state, "guest", "") or cookie_of(request, GUEST)


def welcome_guest(request: Request) -> None:
    """Make the guest's token if the browser has none, before a page with a form is made."""
    if not guest_token(request):
        request.state.guest = secrets.token_urlsafe(GUEST_BYTES)


def keep_guest(request: Request, response: Response) -> None:
    """Send the guest's token that was made for this answer."""
    if made := getattr(request.state, "guest", ""):
        set_cookie(request, response, GUEST, made)


def begin_cookies(request: Request, response: Response, token: str) -> None:
    """Send the token of a session that begins, and remove what stood for it before."""
    set_cookie(request, response, COOKIE, token)
    for name in (GUEST, HALF_WAY):
        if cookie_of(request, name):
            remove_cookie(request, response, name)


def binding(request: Request) -> str:
    """Return what a challenge is bound to: the session, or the guest."""
    return session_token(request) or guest_token(request)
