"""The token in each form, by which a change is known to come from our own page.

It is a keyed hash of the session's cookie, so that it needs no row and ends with the session. Before signing
in, the guest's cookie stands for the session.
"""

from __future__ import annotations

import hashlib
import hmac

from fastapi import Request

from web.access.cookies import guest_token, session_token

PURPOSE = b"spillwatch form token 1"


def form_token(request: Request) -> str:
    """Return the token for the forms of this browser; "" if it has no cookie of ours."""
    held = session_token(request) or guest_token(request)
    return _token(held) if held else ""


def is_form_token(request: Request, sent: str) -> bool:
    wanted = form_token(request)
    return bool(wanted) and hmac.compare_digest(sent.encode(), wanted.encode())


def _token(cookie: str) -> str:
    return hmac.digest(cookie.encode(), PURPOSE, hashlib.sha256).hex()
