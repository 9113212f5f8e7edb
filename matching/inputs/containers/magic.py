"""Which kind of container a file is: its first bytes decide, never its name."""

from __future__ import annotations

#: Bytes that decide: a tar's first header.
HEAD = 512

_BEGINNINGS = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08PK\x03\x04", "zip"),
    (b"PK00PK\x03\x04", "zip"),
    (b"Rar!\x1a\x07\x00", "rar"),
    (b"Rar!\x1a\x07\x01\x00", "rar5"),
    (b"MSCF\0\0\0\0", "cab"),
    (b"SQLite format 3\0", "sqlite"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_BZIP2 = (b"1AY&SY", b"\x17rE8P\x90")


def container_kind(head: bytes) -> str | None:
    """Return the kind of container; None: it is not a container. `head`: the first `HEAD` bytes."""
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in _BZIP2:
        return "bzip2"
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:  # a skippable frame
        return "zstd"
    return "tar" if is_tar_header(head) else None


def is_tar_header(block: bytes) -> bool:
    """Whether the checksum of a tar header is right. Some programs add up signed bytes."""
    if len(block) < 512 or not block[0]:
        return False
    try:
        stated = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    other = block[:148] + b" " * 8 + block[156:512]
    total = sum(other)
    return stated in (total, total - 256 * sum(byte > 127 for byte in other))
