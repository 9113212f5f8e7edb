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

from storage.errors import (
    DigestKeyDamaged,
    DigestKeyDiffers,
    EvidenceUnwritable,
    StoreFileExists,
    StoreFileMissing,
    StoreUnreachable,
)
from storage.stores.byte_store import ByteStore

KEY_FILE = "digest.key"
CONSOLE_KEY_FILE = "console.key"
KEY_BYTES = 32

Digest = Callable[[str], str]


def digest_beside(evidence: Path, shared: ByteStore | None = None) -> Digest:
    """Return the digest function of this installation. The first call creates its key, with mode 0600.

    With a `shared` store, the key is there, and the folder holds a copy: all nodes have the same one. If two
    processes create the key at the same time, the first one wins. Call
    `storage.write_probe.require_known_evidence` before, so that a lost key is not replaced. Raises
    StoreFailed.
    """
    key = _key_beside(evidence, KEY_FILE, shared, "with another key, every listing looks changed")
    return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), sha256).hex()


def console_key_beside(evidence: Path, shared: ByteStore | None = None) -> bytes:
    """Return the key by which the console encrypts second factors; it is made and shared like the digests'.

    So whoever has only the database cannot make anybody's codes. Raises DigestKeyDiffers if the shared store
    has another one.
    """
    key = _key_beside(evidence, CONSOLE_KEY_FILE, shared, "with another key, second factors are unreadable")
    if shared is None:
        return key
    try:
        shared.create(CONSOLE_KEY_FILE, key)  # this machine's, from the time before the store was shared
    except StoreFileExists:
        raise DigestKeyDiffers(
            f"{evidence / CONSOLE_KEY_FILE} is not the key in {shared.place}. All nodes must have the same: "
            "with another key, second factors are unreadable. Delete the copy that is wrong."
        ) from None
    except StoreUnreachable:
        pass  # people sign in with this machine's copy while the store is away
    return key


def _key_beside(evidence: Path, name: str, shared: ByteStore | None, loss: str) -> bytes:
    path = evidence / name
    try:
        key = _read_key(path, shared)
    except OSError as error:
        raise EvidenceUnwritable(
            f"{path} cannot be read or made ({error.strerror}). Check free space, owner and mode of the "
            "evidence folder."
        ) from None
    if len(key) != KEY_BYTES:
        raise DigestKeyDamaged(
            f"{path} has {len(key)} bytes, expected {KEY_BYTES}. Restore it from a backup: {loss}."
        )
    return key


def require_shared_key(evidence: Path, shared: ByteStore) -> None:
    """Store this machine's key if the shared store has none; raise DigestKeyDiffers if that has another."""
    try:
        here = (evidence / KEY_FILE).read_bytes()
    except FileNotFoundError:
        return
    try:
        shared.create(KEY_FILE, here)
    except StoreFileExists:
        raise DigestKeyDiffers(
            f"{evidence / KEY_FILE} is not the key in {shared.place}. All nodes must have the same: with "
            "another key, every listing looks changed. Delete the copy here if it is the wrong one."
        ) from None


def _read_key(path: Path, shared: ByteStore | None) -> bytes:
    """Return the key's bytes; the first call creates it."""
    if not path.exists():
        key = secrets.token_bytes(KEY_BYTES) if shared is None else _shared_key(shared, path.name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(fresh)
        finally:
            fresh.unlink(missing_ok=True)
    return path.read_bytes()


def _shared_key(shared: ByteStore, name: str) -> bytes:
    """Return the key in the shared store. It is there before any copy of it is made."""
    try:
        return shared.read(name)
    except StoreFileMissing:
        with suppress(StoreFileExists):
            shared.create(name, secrets.token_bytes(KEY_BYTES))
        return shared.read(name)
