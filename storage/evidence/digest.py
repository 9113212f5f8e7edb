"""Keyed digests, which tell whether two texts are equal and nothing else.

A plain hash of a paste that contains one phone number reveals that number to anybody who tries all numbers.
So the rows hold a keyed digest, and the key lies beside the evidence, where the text itself is stored.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from storage.errors import DigestKeyDamaged, EvidenceUnwritable

KEY_FILE = "digest.key"
KEY_BYTES = 32

Digest = Callable[[str], str]


def digest_beside(evidence: Path) -> Digest:
    """Return the digest function of this installation. The first call creates its key, with mode 0600.

    If two processes create the key at the same time, the first hard link wins. Call
    `storage.write_probe.require_known_evidence` before, so that a lost key is not replaced.
    """
    path = evidence / KEY_FILE
    try:
        key = _read_key(path)
    except OSError as error:
        raise EvidenceUnwritable(
            f"{path} cannot be read or made ({error.strerror}). Check free space, owner and mode of the "
            "evidence folder."
        ) from None
    if len(key) != KEY_BYTES:
        raise DigestKeyDamaged(
            f"{path} has {len(key)} bytes, expected {KEY_BYTES}. Restore it from a backup: with another "
            "key, every listing looks changed."
        )
    return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), sha256).hex()


def _read_key(path: Path) -> bytes:
    """Return the key's bytes; the first call creates it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(fresh)
        finally:
            fresh.unlink(missing_ok=True)
    return path.read_bytes()
