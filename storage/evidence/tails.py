"""Torn tails: the incomplete record that a killed writer leaves at the end of a WARC file.

A tail is cut off only if no complete record follows it. Damage in the middle of a file is left for a person
to inspect.
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
class RecoveredFile:
    """A file whose tail was torn. `damaged`: complete records follow the broken one, so nothing was cut."""

    file: str
    kept_bytes: int
    cut_bytes: int
    damaged: bool = False


def begin_of_writing(marker: Path) -> int | None:
    """Return the offset at which the writer began whose marker this is; None: the file is complete."""
    try:
        content = marker.read_text()
    except FileNotFoundError:
        return None
    number, newline, _ = content.partition("\n")
    return int(number) if newline and number.isdecimal() else 0


def repair_file(folder: Path, name: str, marker: Path) -> RecoveredFile | None:
    """Cut the torn tail of a file and remove its marker.

    None: its writer is alive, or the file was complete. `name` is relative to the folder, as in the rows.
    """
    path = folder / name
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        # Killed when the empty file was gone already. A writer makes the file, locks it, then its marker.
        marker.unlink(missing_ok=True)
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        began_at = begin_of_writing(marker)
        if began_at is None:  # another process repaired it meanwhile
            return None
        size = os.fstat(file.fileno()).st_size
        kept, damaged = cut_torn_tail(file, began_at)
        marker.unlink(missing_ok=True)
        if kept == 0 and not damaged:
            path.unlink(missing_ok=True)
    if kept == size and not damaged:
        return None
    return RecoveredFile(name, kept, 0 if damaged else size - kept, damaged)


def cut_torn_tail(file: BinaryIO, began_at: int) -> tuple[int, bool]:
    """Cut what follows the last complete record. The caller has the file's lock.

    Returns where the complete records end, and whether others follow the broken one, in which case nothing
    was cut. What lies before `began_at` was complete when the last writer began.
    """
    size = os.fstat(file.fileno()).st_size
    kept = end_of_whole_members(file, began_at if began_at <= size else 0)
    damaged = kept < size and _record_after(file, kept, size)
    if not damaged and kept < size:
        os.ftruncate(file.fileno(), kept)
        os.fsync(file.fileno())
    return kept, damaged


def end_of_whole_members(file: BinaryIO, start: int) -> int:
    """Return the offset at which the sequence of complete gzip members that begins at `start` ends."""
    end = start
    while (following := _member_end(file, end)) is not None:
        end = following
    return end


def _member_end(file: BinaryIO, start: int) -> int | None:
    """Return the end of the gzip member at `start`; None: no complete member begins there.

    The member is unpacked in pieces, so that memory stays bounded.
    """
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
    """Return whether a complete member begins anywhere after `start`."""
    at = start + 1
    while at < size:
        file.seek(at)
        piece = file.read(CHUNK)
        found = piece.find(MAGIC)
        if found >= 0 and _member_end(file, at + found) is not None:
            return True
        at += found + 1 if found >= 0 else max(len(piece) - len(MAGIC) + 1, 1)
    return False
