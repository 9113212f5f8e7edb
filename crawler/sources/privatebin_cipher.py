"""Decryption of pastes in PrivateBin's encryption format 2.

The key is derived with PBKDF2 (SHA-256). The text is raw deflate, encrypted with AES-GCM; the parameters of
the paste are the authenticated data.
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

#: PrivateBin uses 100,000. A larger number than this would only cost time: 250,000 take 0.2 s.
MAX_ITERATIONS = 250_000
#: Maximum size of one decompressed text.
MAX_TEXT_BYTES = 10 << 20
KEY_BYTES = 32
TAG_BITS = 128

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LINK = re.compile(r"(?P<id>[0-9a-f]{16})(?:&[^#]*)?#(?P<burns>-?)(?P<key>[1-9A-HJ-NP-Za-km-z]{20,60})")


class PasteLink(NamedTuple):
    """A link to a paste: its address without the key, its id, and the key."""

    url: str
    id: str
    key: str


def parse_paste_link(url: str) -> PasteLink | None:
    """Return the parts of a link to a paste.

    `None`: this is not such a link, or it says that the paste is deleted when it is read (`#-`).
    """
    address, _, rest = url.partition("?")
    found = _LINK.fullmatch(rest)
    if found is None or found["burns"]:
        return None
    return PasteLink(f"{address}?{found['id']}", found["id"], found["key"])


def decrypt_paste(ciphertext: str, adata: Any, key: str) -> bytes:  # noqa: ANN401 - whatever the site sent
    """Return the decrypted data. Raises `PasteLocked`.

    `adata` holds the parameters of the cipher; for a paste (not a comment), display options follow them.
    """
    spec = adata[0] if isinstance(adata, list) and adata and isinstance(adata[0], list) else adata
    try:
        return _decrypt(ciphertext, _CipherParameters.of(spec), _decode_key(key), _authenticated_data(adata))
    except (InvalidTag, ValueError, OverflowError, binascii.Error, zlib.error) as error:
        raise PasteLocked(
            "A paste could not be decrypted. The key after the # is wrong or incomplete, or the paste has "
            "a password too. Copy the complete link into `start`; passwords are not supported."
        ) from error


class _CipherParameters(NamedTuple):
    """The cipher parameters that a paste names."""

    iv: bytes
    salt: bytes
    iterations: int
    key_bytes: int
    packed: bool

    @classmethod
    def of(cls, spec: object) -> _CipherParameters:
        """Raises `ValueError` for parameters that PrivateBin does not use."""
        match spec:
            case [str(iv), str(salt), int(times), 128 | 192 | 256 as bits, 128, "aes", "gcm", str(packing)]:
                if 1 <= times <= MAX_ITERATIONS and packing in ("zlib", "none"):
                    packed = packing == "zlib"
                    return cls(base64.b64decode(iv), base64.b64decode(salt), times, bits // 8, packed)
        raise ValueError("unknown cipher parameters")


def _decrypt(ciphertext: str, spec: _CipherParameters, key: bytes, associated: bytes) -> bytes:
    kdf = PBKDF2HMAC(SHA256(), length=spec.key_bytes, salt=spec.salt, iterations=spec.iterations)
    plain = AESGCM(kdf.derive(key)).decrypt(spec.iv, base64.b64decode(ciphertext), associated)
    if not spec.packed:
        return plain[:MAX_TEXT_BYTES]
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(plain, MAX_TEXT_BYTES)


def _authenticated_data(adata: object) -> bytes:
    """Return the JSON exactly as `JSON.stringify` writes it, because these bytes were authenticated."""
    return json.dumps(adata, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _decode_key(key: str) -> bytes:
    """Decode base 58 to 32 bytes, restoring the leading null bytes that base 58 drops."""
    value = 0
    for character in key:
        value = value * 58 + _BASE58.index(character)
    return value.to_bytes(KEY_BYTES, "big")
