"""Keyed fingerprints: the company's root key, its subkeys, and what a value becomes under them.

    subkey      = HKDF-SHA256(root, info = "fp|1|company|field|normaliser version"), 32 bytes
    fingerprint = HMAC-SHA256(subkey, canonical value), its first 16 bytes

Without the root key a fingerprint says nothing. With it, all values of a small set (telephone numbers) can be
tried in minutes: whoever holds key and fingerprints holds the numbers. So the root key is read into memory
only, overwritten when its subkeys are made, and never enters the database, a log or a message.
"""

import base64
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray
from stringzilla import Strs, hmac_sha256

from matching.errors import KeyDamaged, KeyExposed, KeyMissing
from matching.identifiers import NORMALISERS, Field
from matching.native.hmac import hashed, lanes
from matching.scanning.tapes import Tape

SCHEME = 1  # of subkeys and fingerprints; stands in every info string and segment
SIZE = 16  # bytes of a fingerprint
KEY_SIZE = 32
KEY_FILE_LIMIT = 4096  # bytes
_DIGEST = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HANDED_OUT = 0o440  # how systemd credentials and container secrets look: root's, written by nobody
_ENTRY = re.compile(rb"^[ \t]*(id|key)[ \t]*:[ \t]*([^\s]*)[ \t]*\r?$", re.M)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

Fingerprints = NDArray[np.uint8]  # one row of SIZE bytes a value


class Secret(bytearray):
    """Bytes that are overwritten when the last one who uses them lets go, or earlier by `wipe`.

    What the interpreter or a library copied meanwhile is out of reach.
    """

    def wipe(self) -> None:
        self[:] = bytes(len(self))

    __del__ = wipe

    def __repr__(self) -> str:
        return "Secret(...)"


class Key(Protocol):
    """What fingerprints of a company can be made with."""

    @property
    def id(self) -> str: ...

    def check_value(self, company: str) -> str:
        """Tells two keys apart and says nothing about either: 8 bytes under a subkey of its own, in hex."""
        ...

    def fingerprinter(self, company: str, name: Field) -> "Fingerprinter": ...


@dataclass(slots=True)
class RootKey:
    """A company's key. Its id may be shown; the bytes are kept out of `repr`."""

    id: str
    secret: bytearray = field(repr=False)

    def __init__(self, id: str, secret: bytes | bytearray) -> None:
        self.id = id
        self.secret = secret if isinstance(secret, Secret) else Secret(secret)

    def check_value(self, company: str) -> str:
        return hmac.digest(self._subkey(company, "key-check", 0), b"spillwatch", "sha256")[:8].hex()

    def fingerprinter(self, company: str, name: Field, version: int | None = None) -> "Fingerprinter":
        """`version`: of the field's normaliser, None for this program's."""
        return Fingerprinter(
            self._subkey(company, name.value, NORMALISERS[name] if version is None else version)
        )

    def subkeys(self, company: str) -> "Subkeys":
        """Everything that matching needs; the root key can be wiped then."""
        fingerprinters = {name: self.fingerprinter(company, name) for name in Field}
        return Subkeys(self.id, company, self.check_value(company), fingerprinters)

    def wipe(self) -> None:
        """Overwrite the key; it makes no fingerprints any more."""
        Secret.wipe(self.secret)  # type: ignore[arg-type]  # __init__ made it one
        self.secret.clear()

    def _subkey(self, company: str, name: str, version: int) -> Secret:
        if len(self.secret) != KEY_SIZE:
            raise ValueError(f"the key {self.id} has {len(self.secret)} bytes: it was wiped, or is none")
        info = f"fp|{SCHEME}|{company}|{name}|{version}".encode()
        subkey = Secret(KEY_SIZE)
        HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=info).derive_into(self.secret, subkey)
        return subkey


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Fingerprints under one subkey."""

    subkey: Secret = field(repr=False)

    def __call__(self, values: Sequence[str]) -> Fingerprints:
        """The fingerprints of canonical values, in their order."""
        digests = np.empty((len(values), _DIGEST), dtype=np.uint8)
        if values:
            hmac_sha256(self.subkey, Strs(list(values)), out=digests)
        return digests[:, :SIZE]

    def of_tape(self, tape: Tape) -> Fingerprints:
        """The same of values that lie on a tape, of which no Python object is made."""
        if side_by_side := lanes():
            return hashed(self.subkey, tape.offsets, tape.bytes, side_by_side)
        digests = np.empty((len(tape), _DIGEST), dtype=np.uint8)
        if len(tape):
            hmac_sha256(self.subkey, tape.strings(), out=digests)
        return digests[:, :SIZE]


@dataclass(frozen=True, slots=True)
class Subkeys:
    """One company's subkeys, for this program's normalisers, and what tells the root key that made them."""

    id: str
    company: str
    check: str
    fingerprinters: Mapping[Field, Fingerprinter] = field(repr=False)

    def check_value(self, company: str) -> str:
        self._must_be(company)
        return self.check

    def fingerprinter(self, company: str, name: Field) -> Fingerprinter:
        self._must_be(company)
        return self.fingerprinters[name]

    def _must_be(self, company: str) -> None:
        if company != self.company:
            raise ValueError(f"these are the subkeys of {self.company!r}, not of {company!r}")


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
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(stream.fileno())
        mode = stat.S_IMODE(status.st_mode)
        if mode & _OTHERS and not (mode == _HANDED_OUT and status.st_uid == 0):
            raise KeyExposed(
                f"the key file {path} has mode {mode:04o}, so others than its owner can read it; "
                f"run: chmod 600 {path}"
            )
        try:
            content = _content(descriptor)
        except OSError as error:
            raise KeyMissing(f"the key file {path} cannot be read: {error.strerror}") from None
    return parse_key(content, f"the key file {path}")


def _content(descriptor: int) -> Secret:
    """All of a file or a pipe, one byte more than a key file may have at most, and no copy of it."""
    content, size = Secret(KEY_FILE_LIMIT + 1), 0
    while read := os.readv(descriptor, [memoryview(content)[size:]]):
        size += read
    del content[size:]
    return content


def parse_key(content: Secret, place: str) -> RootKey:
    """The key of a file's content, read without a copy; `place` is how a message names where it was."""
    entries = {match[1]: match.span(2) for match in _ENTRY.finditer(content)}
    key_id = content[slice(*entries.get(b"id", (0, 0)))].decode("ascii", errors="replace")
    secret = _from_base64(content, *entries.get(b"key", (0, 0)))
    if len(content) > KEY_FILE_LIMIT or secret is None or not key_id.isalnum():
        raise KeyDamaged(
            f"{place} has no line `id:`, or no line `key:` with {KEY_SIZE} bytes in base64; "
            f"restore it from its backup, or write a new key with `spillwatch keygen` and enroll again"
        )
    return RootKey(key_id, secret)


def _from_base64(content: Secret, start: int, end: int) -> Secret | None:
    """Byte by byte: the library's decoder leaves a copy that nobody can overwrite."""
    if end - start != 44 or content[end - 1] != ord("="):  # 32 bytes are 43 characters and one =
        return None
    secret, held, bits = Secret(KEY_SIZE), 0, 0
    filled = 0
    for place in range(start, end - 1):
        digit = _BASE64.find(content[place])
        if digit < 0:
            return None
        held, bits = (held << 6 | digit) & 0xFFFF, bits + 6
        if bits >= 8:
            bits -= 8
            secret[filled] = held >> bits & 0xFF  # appending would move the bytes, and leave some behind
            filled += 1
    return secret
