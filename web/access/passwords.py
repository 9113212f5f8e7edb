"""Passwords: argon2id, with the same work whether or not somebody has the name.

The parameters are those of RFC 9106 for machines with little memory. A hash that was made with others is made
again when its person signs in.
"""

from __future__ import annotations

import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.errors import SignInBusy

TIME_COST = 3
MEMORY_KIB = 64 * 1024
PARALLELISM = 4
HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)

NOBODYS_SALT, NOBODYS_VALUE = secrets.token_bytes(16), secrets.token_bytes(32)

LEAST_CHARS = 12
MOST_CHARS = 256
LEAST_DIFFERENT = 5
LEAST_BESIDE_NAME = 8  # characters that are not the name

#: Each takes 64 MiB and a core for a moment; those who wait take a thread of the server each.
AT_ONCE = BoundedSemaphore(2)
WAITING = BoundedSemaphore(10)


@contextmanager
def _place() -> Iterator[None]:
    if not WAITING.acquire(blocking=False):
        raise SignInBusy
    try:
        with AT_ONCE:
            yield
    finally:
        WAITING.release()


def hash_of(password: str) -> str:
    """Return the hash to store; raises SignInBusy."""
    with _place():
        return HASHER.hash(_bytes(password))


def is_password(stored: str | None, typed: str) -> bool:
    """Return whether a password is right. `stored` None: the same work, and False. Raises SignInBusy."""
    with _place():
        try:
            right = HASHER.verify(stored or hash_of_nobody(), _bytes(typed))
        except (VerificationError, InvalidHashError):
            return False
    return right and stored is not None


def has_old_parameters(stored: str) -> bool:
    return HASHER.check_needs_rehash(stored)


def why_too_weak(password: str, name: str) -> str | None:
    """Return the key of the text that says why a new password is refused; None: it is good."""
    if len(password) < LEAST_CHARS:
        return "password_short"
    if len(password) > MOST_CHARS:
        return "password_long"
    plain = password.casefold()
    if len(set(plain)) < LEAST_DIFFERENT:
        return "password_simple"
    if len(plain.replace(name, "")) < LEAST_BESIDE_NAME:
        return "password_name"
    return None


def _bytes(password: str) -> bytes:
    """Return a password as it is hashed: the same on every keyboard that writes it (NFKC)."""
    return unicodedata.normalize("NFKC", password[: MOST_CHARS + 1]).encode("utf-8", "replace")


def hash_of_nobody() -> str:
    """Return a hash that no password has. Comparing with it takes what comparing with a real one takes."""
    salt, value = (b64encode(each).rstrip(b"=").decode() for each in (NOBODYS_SALT, NOBODYS_VALUE))
    costs = f"m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${value}"
