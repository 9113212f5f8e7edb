"""The way to the provider and back: one secret in a cookie of the browser, from which everything follows.

State, nonce and PKCE's verifier are keyed hashes of the cookie's value, each for a purpose of its own. So
nothing is stored while somebody is away, an answer fits only the browser that asked, and state and nonce,
which the provider and its logs see, tell nothing about the verifier.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from web.oidc.refusal import OidcReason, OidcRefused

LASTS = timedelta(minutes=10)
SECRET_BYTES = 32
MAX_NEXT_CHARS = 500
COOKIE = "spillwatch_provider"
_VALUE = re.compile(r"([0-9]{1,11})\.([\w-]{43})\.([\w-]*)")


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """`cookie`: the value that only the browser has; `next_page`: where the person wanted to go."""

    cookie: str
    began_at: datetime
    next_page: str

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        return self._derived("verifier")

    def _derived(self, purpose: str) -> str:
        digest = hmac.digest(self.cookie.encode(), f"spillwatch oidc {purpose} 1".encode(), hashlib.sha256)
        return _encoded(digest)


def begin_round_trip(next_page: str, *, now: datetime) -> RoundTrip:
    kept = next_page if len(next_page) <= MAX_NEXT_CHARS else "/"
    secret = secrets.token_urlsafe(SECRET_BYTES)
    cookie = f"{int(now.timestamp())}.{secret}.{_encoded(kept.encode())}"
    return RoundTrip(cookie, now, kept)


def round_trip_of(cookie: str, state: str, *, now: datetime) -> RoundTrip:
    """Return the round trip that this browser began and that the provider answers; raises OidcRefused."""
    parts = _VALUE.fullmatch(cookie)
    if parts is None:
        raise OidcRefused(OidcReason.STATE_MISSING)
    began_at = datetime.fromtimestamp(int(parts[1]), UTC)
    found = RoundTrip(cookie, began_at, _decoded(parts[3]))
    if not hmac.compare_digest(found.state.encode(), state.encode()):
        raise OidcRefused(OidcReason.STATE_WRONG)
    if not began_at - timedelta(seconds=1) <= now < began_at + LASTS:
        raise OidcRefused(OidcReason.STATE_EXPIRED)
    return found


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (NotBase64, ValueError):
        return "/"
