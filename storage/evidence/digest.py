"""Digests that say whether two texts are the same and nothing else.

A plain hash of a paste that holds one phone number gives that number away to whoever tries them all. So
rows hold a keyed one, and the key lies where the text itself lies: beside the evidence.
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
    """Return the digest of this installation; makes its key the first time, mode 0600.

    Two processes may come here at once: the link that is made first counts.
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
            f"{path} holds {len(key)} bytes, wanted {KEY_BYTES}: restore it from a backup. Without it "
            "every listing looks changed."
        )
    return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), sha256).hex()
