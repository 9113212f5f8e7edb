"""Keyed fingerprints: the company's root key, its subkeys, and what a value becomes under them.

    subkey      = HKDF-SHA256(root, info = "fp|1|company|field|normaliser version"), 32 bytes
    fingerprint = HMAC-SHA256(subkey, canonical value), its first 16 bytes

Without the root key a fingerprint says nothing. With it, all values of a small set (telephone numbers) can be
tried in minutes: whoever holds key and fingerprints holds the numbers. So the key lies in a file of its own,
is read into memory only, and never enters the database, a log or a message.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray
from stringzilla import Strs, hmac_sha256  # type: ignore[import-not-found]  # a C module without stubs

from matching.errors import KeyDamaged, KeyExposed, KeyMissing
from matching.identifiers import NORMALISER_VERSION, Field
from matching.tapes import Tape

SCHEME = 1  # of subkeys and fingerprints; stands in every info string and segment
SIZE = 16  # bytes of a fingerprint
KEY_SIZE = 32
KEY_FILE_LIMIT = 4096  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HANDED_OUT = 0o440  # how systemd credentials and container secrets look: root's, written by nobody
_DIGEST = 32

Fingerprints = NDArray[np.uint8]  # one row of SIZE bytes a value


@dataclass(frozen=True, slots=True)
class RootKey:
    """A company's key. Its id may be shown; the bytes are kept out of `repr`."""

    id: str
    secret: bytes = field(repr=False)

    def check_value(self, company: str) -> str:
        """Tells two keys apart and says nothing about either: 8 bytes under a subkey of its own, in hex."""
        return hmac.digest(self._subkey(company, "key-check", 0), b"spillwatch", "sha256")[:8].hex()

    def fingerprinter(self, company: str, name: Field, version: int = NORMALISER_VERSION) -> "Fingerprinter":
        return Fingerprinter(self._subkey(company, name.value, version))

    def _subkey(self, company: str, name: str, version: int) -> bytes:
        info = f"fp|{SCHEME}|{company}|{name}|{version}".encode()
        return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=info).derive(self.secret)


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Fingerprints under one subkey."""

    subkey: bytes = field(repr=False)

    def __call__(self, values: Sequence[str]) -> Fingerprints:
        """The fingerprints of canonical values, in their order."""
        digests = np.empty((len(values), _DIGEST), dtype=np.uint8)
        if values:
            hmac_sha256(self.subkey, Strs(list(values)), out=digests)
        return digests[:, :SIZE]

    def of_tape(self, tape: Tape) -> Fingerprints:
        """The same of values that lie on a tape, of which no Python object is made."""
        digests = np.empty((len(tape), _DIGEST), dtype=np.uint8)
        if len(tape):
            hmac_sha256(self.subkey, tape.strings(), out=digests)
        return digests[:, :SIZE]


def new_key(key_id: str | None = None) -> RootKey:
    return RootKey(key_id or secrets.token_hex(4), secrets.token_bytes(KEY_SIZE))


def write_key(key: RootKey, path: Path, now: datetime) -> None:
    """Write the key file, mode 0600; FileExistsError if the path is taken, so that no key is ever lost."""
    text = (
        f"# Spillwatch root key, written {now:%Y-%m-%d}. Whoever has it and the segments can find out whose\n"
        f"# data they were made of. Keep it at mode 0600, apart from them. If it is lost, write a new\n"
        f"# one and enroll all customers again.\n"
        f"id: {key.id}\n"
        f"key: {base64.b64encode(key.secret).decode()}\n"
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def read_key(path: Path) -> RootKey:
    """The key of a file; raises KeyMissing, KeyExposed or KeyDamaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyMissing(
            f"the key file {path} cannot be opened ({error.strerror}); "
            f"write a key with `spillwatch keygen`, or correct the path"
        ) from None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        mode = stat.S_IMODE(status.st_mode)
        if mode & _OTHERS and not (mode == _HANDED_OUT and status.st_uid == 0):
            raise KeyExposed(
                f"the key file {path} has mode {mode:04o}, so others than its owner can read it; "
                f"run: chmod 600 {path}"
            )
        return _parsed(stream.read(KEY_FILE_LIMIT + 1), path)


def _parsed(content: bytes, path: Path) -> RootKey:
    lines = content.decode("ascii", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    entries = {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
    try:
        secret = base64.b64decode(entries.get("key", ""), validate=True)
    except binascii.Error:
        secret = b""
    if len(content) > KEY_FILE_LIMIT or len(secret) != KEY_SIZE or not entries.get("id", "").isalnum():
        raise KeyDamaged(
            f"the key file {path} has no line `id:`, or no line `key:` with {KEY_SIZE} bytes in base64; "
            f"restore it from its backup, or write a new key with `spillwatch keygen` and enroll again"
        )
    return RootKey(entries["id"], secret)
