"""Archives in memory, written by other code than the one under test."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

import py7zr

_CAB_BLOCK = 32_768


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(members: Mapping[str, bytes], mode: str = "w", form: int = tarfile.GNU_FORMAT) -> bytes:
    """`mode`: w, w:gz, w:xz ..."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # any mode
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def special(name: str, kind: bytes, size: int = 0) -> bytes:
    """A tar header of a link or a device, without the end of an archive."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname = kind, size, "/etc/hostname"
    return entry.tobuf(tarfile.GNU_FORMAT)


def seven(
    members: Mapping[str, bytes],
    filters: list[dict[str, int]] | None = None,
    *,
    password: str | None = None,
    hidden: bool = False,
) -> bytes:
    """`hidden`: the names are encrypted too."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(
        out, "w", filters=filters, password=password, header_encryption=hidden
    ) as archive:
        for name, data in members.items():
            archive.writestr(data, name)
    return out.getvalue()


def nested(data: bytes, depth: int) -> bytes:
    """gzip in gzip."""
    for _ in range(depth):
        data = gzip.compress(data, mtime=0)
    return data


def _rar_number(value: int) -> bytes:
    """Return a number of RAR 5: seven bits per byte, the lowest first."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _rar_block(fields: bytes, data: bytes = b"") -> bytes:
    header = _rar_number(len(fields)) + fields
    return struct.pack("<I", zlib.crc32(header)) + header + data


def rar5(members: dict[str, bytes]) -> bytes:
    """Return an archive as RAR 5 writes it with -m0 (rarlab.com/technote.htm)."""
    out = b"Rar!\x1a\x07\x01\x00" + _rar_block(_rar_number(1) + _rar_number(0) + _rar_number(0))
    for name, data in members.items():
        fields = b"".join(map(_rar_number, (2, 2, len(data), 4, len(data), 0o100644)))
        fields += (
            struct.pack("<I", zlib.crc32(data))
            + _rar_number(0)
            + _rar_number(1)
            + _rar_number(len(name.encode()))
        )
        out += _rar_block(fields + name.encode(), data)
    return out + _rar_block(_rar_number(5) + _rar_number(4) + _rar_number(0))


def rar4(members: dict[str, bytes], flags: int = 0x8000) -> bytes:
    """Return an archive as RAR 3 writes it with -m0. `flags` 0x8004: encrypted."""

    def block(kind: int, flags: int, fields: bytes) -> bytes:
        header = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
        return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header

    out = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, data in members.items():
        fields = struct.pack(
            "<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0, 29, 0x30, len(name), 0o100644
        )
        out += block(0x74, flags, fields + name.encode()) + data
    return out + block(0x7B, 0x4000, b"")


def cab(members: dict[str, bytes]) -> bytes:
    """Return an archive as Windows writes it, packed by MSZIP ([MS-CAB], [MS-MCI])."""
    data = b"".join(members.values())
    blocks = []
    for at in range(0, len(data), _CAB_BLOCK):
        part = data[at : at + _CAB_BLOCK]
        packer = (
            zlib.compressobj(9, zlib.DEFLATED, -15, zdict=data[max(0, at - _CAB_BLOCK) : at])
            if at
            else (zlib.compressobj(9, zlib.DEFLATED, -15))
        )
        packed = b"CK" + packer.compress(part) + packer.flush()
        blocks.append(struct.pack("<IHH", 0, len(packed), len(part)) + packed)
    files, place = b"", 0
    for name, content in members.items():
        files += struct.pack("<IIHHHH", len(content), place, 0, 0x5A21, 0x5A21, 0x20) + name.encode() + b"\0"
        place += len(content)
    folders_at = 36 + 8
    body = files + b"".join(blocks)
    folder = struct.pack("<IHH", folders_at + len(files), len(blocks), 1)
    head = struct.pack(
        "<4sIIIIIBBHHHHH",
        b"MSCF",
        0,
        folders_at + len(body),
        0,
        folders_at,
        0,
        3,
        1,
        1,
        len(members),
        0,
        7,
        0,
    )
    return head + folder + body
