"""Archives in memory, written by other code than the one under test."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

import py7zr


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
