"""Keyed fingerprints: the root key of a company, its subkeys, and the fingerprints of values.

    subkey      = HKDF-SHA256(root, info = "fp|1|company|field|normaliser version"), 32 bytes
    fingerprint = HMAC-SHA256(subkey, canonical value), its first 16 bytes

    mask key    = HKDF-SHA256(root, info = "mask|1|company"), 32 bytes
    template key = HKDF-SHA256(mask key, info = "template|templates version"), 32 bytes
    tag         = HMAC-SHA256(template key, what the template shows), its first 5 bytes

Without the root key a fingerprint reveals nothing. With it, all values of a small set (telephone numbers) can
be tried in minutes: whoever has key and fingerprints has the numbers. So the root key is only read into
memory, is overwritten once its subkeys are derived, and never enters the database, a log or a message.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray
from stringzilla import Strs, hmac_sha256

from matching.identifiers import NORMALISERS, Field
from matching.native.hmac import hashed, lanes
from matching.scanning.tapes import Tape

SCHEME = 1  # version of the derivation above; part of every info string
SIZE = 16  # bytes of a fingerprint
KEY_SIZE = 32
TAG_SIZE = 5  # bytes of a tag
_DIGEST = 32

Fingerprints = NDArray[np.uint8]  # one row of SIZE bytes per value


class Secret(bytearray):
    """Bytes that are overwritten when the object is freed, or earlier by `wipe`.

    Copies that the interpreter or a library made cannot be reached.
    """

    def wipe(self) -> None:
        self[:] = bytes(len(self))

    __del__ = wipe

    def __repr__(self) -> str:
        return "Secret(...)"


class Key(Protocol):
    """A root key, or the subkeys of one company."""

    @property
    def id(self) -> str: ...

    def check_value(self, company: str) -> str:
        """Return 8 bytes in hex that differ between keys and reveal nothing about them."""
        ...

    def fingerprinter(self, company: str, name: Field) -> "Fingerprinter": ...

    def mask_key(self, company: str) -> "MaskKey": ...


@dataclass(slots=True)
class RootKey:
    """A company's root key. Its id may be shown; the bytes do not appear in `repr`."""

    id: str
    secret: bytearray = field(repr=False)

    def __init__(self, id: str, secret: bytes | bytearray) -> None:
        self.id = id
        self.secret = secret if isinstance(secret, Secret) else Secret(secret)

    def check_value(self, company: str) -> str:
        return hmac.digest(self._subkey(company, "key-check", 0), b"spillwatch", "sha256")[:8].hex()

    def fingerprinter(self, company: str, name: Field, version: int | None = None) -> "Fingerprinter":
        """Return the fingerprinter of a field. `version`: of its normaliser; None: this program's."""
        return Fingerprinter(
            self._subkey(company, name.value, NORMALISERS[name] if version is None else version)
        )

    def subkeys(self, company: str) -> "Subkeys":
        """Derive everything that matching needs; the root key can be wiped afterwards."""
        fingerprinters = {name: self.fingerprinter(company, name) for name in Field}
        return Subkeys(self.id, company, self.check_value(company), fingerprinters, self.mask_key(company))

    def mask_key(self, company: str) -> "MaskKey":
        return MaskKey(self._derived(f"mask|{SCHEME}|{company}"))

    def wipe(self) -> None:
        """Overwrite the key; it cannot make fingerprints afterwards."""
        Secret.wipe(self.secret)  # type: ignore[arg-type]  # __init__ made it a Secret
        self.secret.clear()

    def _subkey(self, company: str, name: str, version: int) -> Secret:
        return self._derived(f"fp|{SCHEME}|{company}|{name}|{version}")

    def _derived(self, info: str) -> Secret:
        if len(self.secret) != KEY_SIZE:
            raise ValueError(
                f"the key {self.id} has {len(self.secret)} bytes, expected {KEY_SIZE}: it was wiped or is "
                f"damaged"
            )
        return _hkdf(self.secret, info)


def _hkdf(secret: bytearray, info: str) -> Secret:
    subkey = Secret(KEY_SIZE)
    HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=info.encode()).derive_into(secret, subkey)
    return subkey


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Computes fingerprints under one subkey."""

    subkey: Secret = field(repr=False)

    def __call__(self, values: Sequence[str]) -> Fingerprints:
        """Return the fingerprints of canonical values, in their order."""
        digests = np.empty((len(values), _DIGEST), dtype=np.uint8)
        if values:
            hmac_sha256(self.subkey, Strs(list(values)), out=digests)
        return digests[:, :SIZE]

    def of_tape(self, tape: Tape, marks: NDArray[np.uint64] | None = None) -> Fingerprints:
        """Return the fingerprints of the values on a tape, without making Python objects of them.

        `marks`: see `hashed`.
        """
        if side_by_side := lanes():
            return hashed(self.subkey, tape.offsets, tape.bytes, side_by_side, marks=marks)
        digests = np.empty((len(tape), _DIGEST), dtype=np.uint8)
        if len(tape):
            hmac_sha256(self.subkey, tape.strings(), out=digests)
        return digests[:, :SIZE]


@dataclass(frozen=True, slots=True)
class MaskKey:
    """The key from which those of the mask templates of one company are derived."""

    secret: Secret = field(repr=False)

    def tagger(self, template: str, version: int) -> "Tagger":
        return Tagger(_hkdf(self.secret, f"{template}|{version}"))


@dataclass(frozen=True, slots=True)
class Tagger:
    """Computes tags under the key of one mask template."""

    subkey: Secret = field(repr=False)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.uint64]:
        """Return the tags of texts as numbers of 40 bits, in their order."""
        digests = Fingerprinter(self.subkey)(texts)
        whole = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0]
        return (whole >> np.uint64(64 - 8 * TAG_SIZE)).astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Subkeys:
    """One company's subkeys, for this program's normalisers, and the check value of their root key."""

    id: str
    company: str
    check: str
    fingerprinters: Mapping[Field, Fingerprinter] = field(repr=False)
    masks: MaskKey = field(repr=False)

    def check_value(self, company: str) -> str:
        self._check_company(company)
        return self.check

    def fingerprinter(self, company: str, name: Field) -> Fingerprinter:
        self._check_company(company)
        return self.fingerprinters[name]

    def mask_key(self, company: str) -> MaskKey:
        self._check_company(company)
        return self.masks

    def _check_company(self, company: str) -> None:
        if company != self.company:
            raise ValueError(f"these are the subkeys of {self.company!r}, not of {company!r}")


def new_key(key_id: str | None = None) -> RootKey:
    return RootKey(key_id or secrets.token_hex(4), secrets.token_bytes(KEY_SIZE))
