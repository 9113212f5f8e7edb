"""The key file: the root key of a company as text, readable by its owner only.

    # comments
    id: 1f0c9a2b
    key: 32 bytes in base64

The key is read into memory that is overwritten afterwards; no copy of it is made on the way.
"""

import base64
import os
import re
import stat
from datetime import datetime
from pathlib import Path

from matching.errors import KeyDamaged, KeyExposed, KeyMissing
from matching.fingerprints.scheme import KEY_SIZE, RootKey, Secret

KEY_FILE_LIMIT = 4096  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HANDED_OUT = 0o440  # mode of systemd credentials and container secrets, which root owns
_ENTRY = re.compile(rb"^[ \t]*(id|key)[ \t]*:[ \t]*([^\s]*)[ \t]*\r?$", re.M)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def write_key(key: RootKey, path: Path, now: datetime) -> None:
    """Write the key file with mode 0600; raise FileExistsError if the path exists, so that no key is lost."""
    text = (
        f"# Spillwatch root key, written {now:%Y-%m-%d}. Whoever has this key and the segments can find out\n"
        f"# whose data the segments hold. Keep it at mode 0600, apart from the segments. If it is lost,\n"
        f"# make a new key and enroll all customers again.\n"
        f"id: {key.id}\n"
        f"key: {base64.b64encode(key.secret).decode()}\n"
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def read_key(path: Path) -> RootKey:
    """Read a key file; raise KeyMissing, KeyExposed or KeyDamaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyMissing(
            f"the key file {path} cannot be opened ({error.strerror}); "
            f"make a key with `spillwatch keygen`, or correct the path"
        ) from None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(stream.fileno())
        mode = stat.S_IMODE(status.st_mode)
        if mode & _OTHERS and not (mode == _HANDED_OUT and status.st_uid == 0):
            raise KeyExposed(
                f"the key file {path} has mode {mode:04o}, so users other than its owner have access; "
                f"run: chmod 600 {path}"
            )
        try:
            content = _read_secret(descriptor)
        except OSError as error:
            raise KeyMissing(f"the key file {path} cannot be read: {error.strerror}") from None
    return parse_key(content, f"the key file {path}")


def _read_secret(descriptor: int) -> Secret:
    """Read a file or a pipe to its end, without a copy.

    Reads at most one byte more than a key file may have, so that a longer one is noticed.
    """
    content, size = Secret(KEY_FILE_LIMIT + 1), 0
    while read := os.readv(descriptor, [memoryview(content)[size:]]):
        size += read
    del content[size:]
    return content


def parse_key(content: Secret, place: str) -> RootKey:
    """Parse the content of a key file without copying the key; `place` names the file in messages."""
    entries = {match[1]: match.span(2) for match in _ENTRY.finditer(content)}
    key_id = content[slice(*entries.get(b"id", (0, 0)))].decode("ascii", errors="replace")
    secret = _decode_base64(content, *entries.get(b"key", (0, 0)))
    if len(content) > KEY_FILE_LIMIT or secret is None or not key_id.isalnum():
        raise KeyDamaged(
            f"{place} has no line `id:`, or no line `key:` with {KEY_SIZE} bytes in base64; restore it "
            f"from its backup, or make a new key with `spillwatch keygen` and enroll all customers again"
        )
    return RootKey(key_id, secret)


def _decode_base64(content: Secret, start: int, end: int) -> Secret | None:
    """Decode byte by byte: the library's decoder would leave a copy that cannot be overwritten."""
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
            secret[filled] = held >> bits & 0xFF  # appending could move the bytes and leave a copy behind
            filled += 1
    return secret
