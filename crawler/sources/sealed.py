"""Pastes that only somebody with the key can read, as PrivateBin seals them (its encryption format 2).

PBKDF2 (SHA-256) over the key, AES-GCM with the paste's own parameters as the data that is authenticated, then
raw deflate.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from crawler.sources.errors import PasteLocked

#: PrivateBin uses 100,000; what asks for more than this only costs time (0.2 s).
MAX_ITERATIONS = 250_000
#: Of one text when it is decompressed.
MAX_TEXT_BYTES = 10 << 20
KEY_BYTES = 32
TAG_BITS = 128

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LINK = re.compile(r"(?P<id>[0-9a-f]{16})(?:&[^#]*)?#(?P<burns>-?)(?P<key>[1-9A-HJ-NP-Za-km-z]{20,60})")


class Link(NamedTuple):
    """A link to a paste: its address without the key, and the key."""

    url: str
    id: str
    key: str


def link_of(url: str) -> Link | None:
    """Return the parts of a paste's link; `None` for what is none, or says that the paste burns (`#-`)."""
    address, _, rest = url.partition("?")
    found = _LINK.fullmatch(rest)
    if found is None or found["burns"]:
        return None
    return Link(f"{address}?{found['id']}", found["id"], found["key"])


def opened(ciphertext: str, adata: Any, key: str) -> bytes:  # noqa: ANN401 - whatever the site sent
    """Return what was sealed; raises `PasteLocked`.

    `adata` are the parameters of the cipher, of a paste with what its page shows behind them.
    """
    spec = adata[0] if isinstance(adata, list) and adata and isinstance(adata[0], list) else adata
    try:
        return _decrypted(ciphertext, _Spec.of(spec), _key_bytes(key), _compact(adata))
    except (InvalidTag, ValueError, OverflowError, binascii.Error, zlib.error) as error:
        raise PasteLocked(
            "A paste could not be decrypted: the key behind the # is wrong or incomplete, or the paste has "
            "a password as well. Copy its whole link into `start`; a password cannot be given."
        ) from error


class _Spec(NamedTuple):
    """The parameters of a cipher, as a paste names them."""

    iv: bytes
    salt: bytes
    iterations: int
    key_bytes: int
    packed: bool

    @classmethod
    def of(cls, spec: object) -> _Spec:
        """Raises `ValueError` for what is none, or not of the one kind that PrivateBin makes."""
        match spec:
            case [str(iv), str(salt), int(times), 128 | 192 | 256 as bits, 128, "aes", "gcm", str(packing)]:
                if 1 <= times <= MAX_ITERATIONS and packing in ("zlib", "none"):
                    packed = packing == "zlib"
                    return cls(base64.b64decode(iv), base64.b64decode(salt), times, bits // 8, packed)
        raise ValueError("not the parameters of a cipher that is known")


def _decrypted(ciphertext: str, spec: _Spec, key: bytes, associated: bytes) -> bytes:
    kdf = PBKDF2HMAC(SHA256(), length=spec.key_bytes, salt=spec.salt, iterations=spec.iterations)
    plain = AESGCM(kdf.derive(key)).decrypt(spec.iv, base64.b64decode(ciphertext), associated)
    if not spec.packed:
        return plain[:MAX_TEXT_BYTES]
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(plain, MAX_TEXT_BYTES)


def _compact(adata: object) -> bytes:
    """As `JSON.stringify` writes it, which is what was authenticated."""
    return json.dumps(adata, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _key_bytes(key: str) -> bytes:
    """Base 58 to 32 bytes; the null bytes that it loses in front are put back."""
    value = 0
    for character in key:
        value = value * 58 + _BASE58.index(character)
    return value.to_bytes(KEY_BYTES, "big")
