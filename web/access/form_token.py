"""The token in each form, by which a change is known to come from our own page.

It is a keyed hash of the session's cookie, so that it needs no row and ends with the session. Before signing
in, a cookie of its own stands for the session.
"""

from __future__ import annotations

import hashlib
import hmac

from fastapi import Request

COOKIES = ("__Host-spillwatch_session", "spillwatch_session", "__Host-spillwatch_guest", "spillwatch_guest")
PURPOSE = b"spillwatch form token 1"


def form_token(request: Request) -> str:
    """Return the token for the forms of this browser; "" if it has no cookie of ours."""
    return next((_token(held) for name in COOKIES if (held := request.cookies.get(name))), "")


def is_form_token(request: Request, sent: str) -> bool:
    wanted = form_token(request)
    return bool(wanted) and hmac.compare_digest(sent.encode(), wanted.encode())


def _token(cookie: str) -> str:
    return hmac.digest(cookie.encode(), PURPOSE, hashlib.sha256).hex()
