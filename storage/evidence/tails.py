"""Torn tails: what a killed writer leaves at the end of a WARC file, and where it may be cut.

A tail is cut only if no whole record follows it: damage in the middle of a file is left for a person to see.
"""

import fcntl
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.evidence.records import GZIP

CHUNK = 1024 * 1024
MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Recovered:
    """`damaged`: the file has whole records behind a broken one, so nothing was cut."""

    file: str
    kept_bytes: int
    cut_bytes: int
    damaged: bool = False


def repair(folder: Path, name: str, mark: Path) -> Recovered | None:
    """None: its writer lives, or it was whole. `name`: relative to the folder, as rows have it."""
    path = folder / name
    try:
        file = path.open("r+b")
    except FileNotFoundError:  # killed between the mark and the file
        mark.unlink(missing_ok=True)
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        size = os.fstat(file.fileno()).st_size
        kept = whole_until(file, 0)
        damaged = kept < size and _record_after(file, kept, size)
        if not damaged:
            os.ftruncate(file.fileno(), kept)
            os.fsync(file.fileno())
    mark.unlink(missing_ok=True)
    if kept == 0 and not damaged:
        path.unlink()
    if kept == size:
        return None
    return Recovered(name, kept, 0 if damaged else size - kept, damaged)


def whole_until(file: BinaryIO, start: int) -> int:
    """Where the last of the whole gzip members ends that follow each other from `start` on."""
    end = start
    while (following := _member_end(file, end)) is not None:
        end = following
    return end


def _member_end(file: BinaryIO, start: int) -> int | None:
    """None: no whole member begins here. Unpacks in pieces: memory stays bounded."""
    file.seek(start)
    opener = zlib.decompressobj(GZIP)
    read = 0
    pending = b""
    try:
        while not opener.eof:
            if not pending:
                pending = file.read(CHUNK)
                read += len(pending)
                if not pending:
                    return None
            opener.decompress(pending, CHUNK)
            pending = opener.unconsumed_tail
    except zlib.error:
        return None
    return start + read - len(opener.unused_data)


def _record_after(file: BinaryIO, start: int, size: int) -> bool:
    """Whether a whole member begins anywhere behind `start`."""
    at = start + 1
    while at < size:
        file.seek(at)
        piece = file.read(CHUNK)
        found = piece.find(MAGIC)
        if found >= 0 and _member_end(file, at + found) is not None:
            return True
        at += found + 1 if found >= 0 else max(len(piece) - len(MAGIC) + 1, 1)
    return False
