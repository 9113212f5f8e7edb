"""What the console derives from the installation's key: encryption, challenges, and digests of limits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
CHALLENGE_NONCE_BYTES = 16
MAC_BYTES = 32
TIME_BYTES = 8


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding; b"" if it is not."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (NotBase64, ValueError):
        return b""


@dataclass(frozen=True)
class ConsoleKeys:
    """Subkeys by purpose, each HMAC-SHA-256 of the installation's key."""

    root: bytes

    def subkey(self, purpose: str) -> bytes:
        return hmac.digest(self.root, f"spillwatch console {purpose} 1".encode(), hashlib.sha256)

    def seal(self, purpose: str, about: str, text: str) -> str:
        """Encrypt a text (AES-256-GCM). It opens only with the same purpose, for the same `about`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.subkey(purpose)).encrypt(nonce, text.encode(), about.encode())
        return encoded(nonce + sealed)

    def unseal(self, purpose: str, about: str, sealed: str) -> str | None:
        """Return the text; None: it was sealed with another key or for something else, or was changed."""
        data = decoded(sealed)
        try:
            opened = AESGCM(self.subkey(purpose)).decrypt(
                data[:NONCE_BYTES], data[NONCE_BYTES:], about.encode()
            )
        except (InvalidTag, ValueError):
            return None
        return opened.decode()

    def challenge(self, bound_to: str, *, now: datetime, lasts: timedelta) -> bytes:
        """Return a random challenge that names its end, and that only this browser can answer."""
        until = int((now + lasts).timestamp()).to_bytes(TIME_BYTES)
        body = secrets.token_bytes(CHALLENGE_NONCE_BYTES) + until
        return body + self._challenge_mac(body, bound_to)

    def challenge_ends(self, challenge: bytes, bound_to: str, *, now: datetime) -> datetime | None:
        """Return when a challenge ends; None: it is not ours, not this browser's, or it has ended."""
        body, mac = challenge[:-MAC_BYTES], challenge[-MAC_BYTES:]
        if not bound_to or not hmac.compare_digest(mac, self._challenge_mac(body, bound_to)):
            return None
        until = datetime.fromtimestamp(int.from_bytes(body[CHALLENGE_NONCE_BYTES:]), UTC)
        return until if until > now else None

    def _challenge_mac(self, body: bytes, bound_to: str) -> bytes:
        return hmac.digest(self.subkey("challenge"), body + bound_to.encode(), hashlib.sha256)

    def digest(self, purpose: str, text: str) -> str:
        return hmac.digest(self.subkey(purpose), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[
            :32
        ]
