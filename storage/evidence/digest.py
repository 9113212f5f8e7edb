"""Keyed digests, which tell whether two texts are equal and nothing else.

A plain hash of a paste that contains one phone number reveals that number to anybody who tries all numbers.
So the rows hold a keyed digest, and the key lies beside the evidence, where the text itself is stored.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from storage.errors import DigestKeyDamaged

KEY_FILE = "digest.key"
KEY_BYTES = 32

Digest = Callable[[str], str]


def digest_beside(evidence: Path) -> Digest:
    """Return the digest function of this installation. The first call creates its key, with mode 0600.

    If two processes create the key at the same time, the first hard link wins.
    """
    path = evidence / KEY_FILE
    if not path.exists():
        evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise DigestKeyDamaged(
            f"{path} has {len(key)} bytes, expected {KEY_BYTES}. Restore it from a backup: with another "
            "key, every listing looks changed."
        )
    return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), sha256).hex()
