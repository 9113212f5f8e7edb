"""Erasing records of a WARC file in place: records that stay never move, because alerts cite file and offset.

An erased record is overwritten by a tombstone: one gzip member of exactly the same length that holds one WARC
record. It says when the record was erased; its block is filled with zeros, in stored blocks of deflate. So
any WARC reader goes on behind it, and the file system can give the zeros back (a hole) without moving a byte.
A file whose every record has gone is deleted.

1. the places are checked: a record begins at each, and the next one (or nothing) behind it;
2. if nothing but tombstones and the file's head would remain, and nobody writes the file, it is deleted;
3. else each record is overwritten, the file is written to disk, and its zeros are given back.

After a kill, doing the same again completes it.
"""

import ctypes
import errno
import fcntl
import os
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from storage.errors import EvidenceDamaged
from storage.evidence.records import GZIP, record_id, warc_date
from storage.evidence.tails import MAGIC

STORED_BYTES = 65_535  # of one stored block (RFC 1951, 3.2.4)
STORED_HEAD = 5
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
GZIP_TAIL = 8
FLAG_EXTRA, FLAG_NAME = 4, 8
LENGTH_DIGITS = 10
BLOCK = 4096  # of most file systems; only whole blocks can be given back
CHUNK = 1024 * 1024
HEAD_BYTES = 64 * 1024  # of a record, within which its headers end
FIRST_READ = 8 * 1024  # of a record in a file: enough for the headers of nearly all of them
FIELDS = re.compile(rb"\r\nWARC-(Type|Record-ID|Refers-To|Target-URI): ([^\r\n]*)")
#: Only in the head of a metadata record, which nothing else writes: a site's own headers are in the block.
TOMBSTONE = re.compile(
    rb"WARC/1\.1\r\nWARC-Type: metadata\r\n(?:[\w-]+: [^\r\n]*\r\n)*?Erased-Bytes: (\d+)\r\n"
)
SENTENCE = b"This record was erased. The zeros keep the records behind it where they are.\r\n"
#: See fallocate(2): give the blocks back and keep the file's length.
PUNCH_HOLE = 0x01 | 0x02
NOT_POSSIBLE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ETXTBSY})


@dataclass(frozen=True, slots=True)
class ErasedPlaces:
    """What became of records of one file: `freed` is in bytes; `deleted`: the whole file."""

    records: int
    freed: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class WarcMember:
    """A record in a file: its WARC type and its ids ("" if there is none), and whether it is a tombstone."""

    offset: int
    length: int
    kind: str = ""
    record_id: str = ""
    refers_to: str = ""
    url: str = ""
    erased: bool = False


Place = tuple[int, int]
"""Offset and length of a record in its file."""


def tombstone(length: int, *, file: str, offset: int, at: datetime) -> bytes:
    """Return one gzip member of exactly `length` bytes (20 or more) that says that a record was erased.

    The same arguments give the same bytes, so that an interrupted overwriting can be done again.
    """
    head = _tombstone_head(length, file, offset, at)
    blocks = max(1, -(-(length - len(GZIP_HEAD) - GZIP_TAIL) // (STORED_BYTES + STORED_HEAD)))
    size = length - len(GZIP_HEAD) - GZIP_TAIL - blocks * STORED_HEAD
    filling = size - len(head) - LENGTH_DIGITS - len(b"\r\n\r\n" + SENTENCE + b"\r\n\r\n")
    if filling < 0:
        return _short_tombstone(length)
    said = len(SENTENCE) + filling
    plain = b"".join(
        (head, str(said).zfill(LENGTH_DIGITS).encode(), b"\r\n\r\n", SENTENCE, bytes(filling), b"\r\n\r\n")
    )
    return b"".join((GZIP_HEAD, *_stored(plain, blocks), _gzip_tail(plain)))


def _tombstone_head(length: int, file: str, offset: int, at: datetime) -> bytes:
    fields = (
        "WARC/1.1",
        "WARC-Type: metadata",
        f"WARC-Record-ID: {record_id(file, offset)}",
        f"WARC-Date: {warc_date(at)}",
        "Content-Type: application/octet-stream",
        f"Erased-Bytes: {length}",
        "Content-Length: ",
    )
    return "\r\n".join(fields).encode()


def _stored(plain: bytes, blocks: int) -> Iterator[bytes]:
    """Yield `plain` as this number of stored blocks of deflate; the last one may be empty."""
    for number in range(blocks):
        part = plain[number * STORED_BYTES : (number + 1) * STORED_BYTES]
        size = len(part)
        last = number == blocks - 1
        yield bytes([last]) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + part


def _gzip_tail(plain: bytes) -> bytes:
    return zlib.crc32(plain).to_bytes(4, "little") + (len(plain) & 0xFFFFFFFF).to_bytes(4, "little")


def _short_tombstone(length: int) -> bytes:
    """Return a tombstone for a record with less room than a whole one needs: its head, compressed."""
    plain = (
        b"WARC/1.1\r\nWARC-Type: metadata\r\nErased-Bytes: %d\r\nContent-Length: 0\r\n\r\n\r\n\r\n" % length
    )
    for content in (plain, b""):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(content) + packer.flush()
        room = length - len(GZIP_HEAD) - len(packed) - GZIP_TAIL
        if room == 0:
            return GZIP_HEAD + packed + _gzip_tail(content)
        if room == 1:  # an empty name
            return GZIP_HEAD[:3] + bytes([FLAG_NAME]) + GZIP_HEAD[4:] + b"\0" + packed + _gzip_tail(content)
        if room > 1:
            extra = (room - 2).to_bytes(2, "little") + bytes(room - 2)
            return GZIP_HEAD[:3] + bytes([FLAG_EXTRA]) + GZIP_HEAD[4:] + extra + packed + _gzip_tail(content)
    raise ValueError(f"found a length of {length} bytes; a gzip member has 20 or more")


def erase_in_file(
    folder: Path,
    file: str,
    places: Sequence[Place],
    *,
    at: datetime,
    with_texts: Collection[int] = (),
) -> ErasedPlaces:
    """Erase these records of a file; it is deleted if no other record remains.

    `with_texts`: offsets of responses; the texts in this file that were read from them are erased too, and
    before them, so that a kill in between leaves none.
    A file that does not exist, or that ends before a record, holds nothing of it. Raises EvidenceDamaged
    before anything is changed if a place is not one of a record, and OSError.
    """
    path = folder / file
    try:
        opened = path.open("r+b")
    except FileNotFoundError:
        return ErasedPlaces(0, 0, deleted=False)
    with opened:
        size = os.fstat(opened.fileno()).st_size
        there = sorted({place for place in places if sum(place) <= size})
        for place in there:
            _require_record(opened, file, place)
        texts = _texts_read_from(opened, size, with_texts) if with_texts else []
        there = [*texts, *(place for place in there if place not in texts)]
        if _nothing_else(opened, dict(there), size) and _nobody_writes(opened):
            freed = _disk_bytes(opened)
            path.unlink()
            with suppress(OSError):  # the folder of a day: gone with its last file
                path.parent.rmdir()
            return ErasedPlaces(len(there), freed, deleted=True)
        before = _disk_bytes(opened)
        for offset, length in there:
            _overwrite(opened, offset, tombstone(length, file=file, offset=offset, at=at))
        os.fsync(opened.fileno())
        return ErasedPlaces(len(there), max(0, before - _disk_bytes(opened)), deleted=False)


def erased_object(
    data: bytes,
    file: str,
    places: Sequence[Place],
    *,
    at: datetime,
    with_texts: Collection[int] = (),
) -> bytes | None:
    """Return an object's bytes with tombstones in these places; None: no other record remains, delete it.

    For a store whose objects cannot be changed in place. See `erase_in_file`. Raises EvidenceDamaged.
    """
    kept = bytearray(data)
    before = members_of(data) if with_texts else []
    ids = {each.record_id for each in before if each.offset in with_texts}
    texts = {
        (each.offset, each.length)
        for each in before
        if each.kind == "conversion" and each.refers_to and each.refers_to in ids
    }
    for offset, length in sorted({*texts, *(place for place in places if sum(place) <= len(data))}):
        if not _is_record(data[offset : offset + 3], data[offset + length : offset + length + 3]):
            raise _not_a_record(file, offset)
        kept[offset : offset + length] = tombstone(length, file=file, offset=offset, at=at)
    members = members_of(bytes(kept))
    # What follows a damaged record may be evidence that stays.
    whole = sum(each.length for each in members) == len(kept)
    nothing_left = whole and all(each.erased or each.kind == "warcinfo" for each in members)
    return None if nothing_left else bytes(kept)


def members_in(path: Path) -> Iterator[WarcMember]:
    """Yield the records of a file in order, up to its end or the first incomplete one."""
    with path.open("rb") as file:
        at, size = 0, os.fstat(file.fileno()).st_size
        while at < size and (member := _member_at(file, at)) is not None:
            yield member
            at += member.length


def members_of(data: bytes) -> list[WarcMember]:
    """Return the records of an object, up to its end or the first incomplete one."""
    found, at = [], 0
    while at < len(data):
        opener = zlib.decompressobj(GZIP)
        try:
            plain = opener.decompress(data[at:])
        except zlib.error:
            break
        if not opener.eof:
            break
        length = len(data) - at - len(opener.unused_data)
        found.append(_member(at, length, plain[:HEAD_BYTES]))
        at += length
    return found


def _member_at(file: BinaryIO, start: int) -> WarcMember | None:
    """Read the member at `start` in pieces; None: no complete one begins there. A tombstone is only looked
    at.
    """
    file.seek(start)
    opener, head, read, pending = zlib.decompressobj(GZIP), b"", 0, b""
    try:
        while not opener.eof:
            if not pending:
                pending = file.read(CHUNK if read else FIRST_READ)
                read += len(pending)
                if not pending:
                    return None
            plain = opener.decompress(pending, CHUNK)
            pending = opener.unconsumed_tail
            if len(head) < HEAD_BYTES:
                head += plain[: HEAD_BYTES - len(head)]
                if erased := TOMBSTONE.match(head):
                    return replace(_member(start, int(erased[1]), head), erased=True)
    except zlib.error:
        return None
    return _member(start, read - len(opener.unused_data), head)


def _member(offset: int, length: int, head: bytes) -> WarcMember:
    fields = {
        name.decode(): value.decode("latin-1")
        for name, value in FIELDS.findall(head.partition(b"\r\n\r\n")[0])
    }
    return WarcMember(
        offset,
        length,
        fields.get("Type", ""),
        fields.get("Record-ID", ""),
        fields.get("Refers-To", ""),
        fields.get("Target-URI", ""),
        erased=TOMBSTONE.match(head) is not None,
    )


def _texts_read_from(file: BinaryIO, size: int, offsets: Collection[int]) -> list[Place]:
    """Return the places of the texts in this file that were read from the responses at these offsets."""
    ids: set[str] = set()
    texts: list[WarcMember] = []
    at = 0
    while at < size and (member := _member_at(file, at)) is not None:
        if member.offset in offsets:
            ids.add(member.record_id)
        if member.kind == "conversion":
            texts.append(member)
        at += member.length
    return [(each.offset, each.length) for each in texts if each.refers_to and each.refers_to in ids]


def _require_record(file: BinaryIO, name: str, place: Place) -> None:
    """Raise EvidenceDamaged unless a member begins here and the next one, or nothing, follows it."""
    offset, length = place
    file.seek(offset)
    begin = file.read(len(MAGIC))
    file.seek(offset + length)
    if not _is_record(begin, file.read(len(MAGIC))) or length < len(GZIP_HEAD) + 2 + GZIP_TAIL:
        raise _not_a_record(name, offset)


def _is_record(begin: bytes, behind: bytes) -> bool:
    return begin == MAGIC and behind in (b"", MAGIC)


def _not_a_record(file: str, offset: int) -> EvidenceDamaged:
    return EvidenceDamaged(
        f"evidence {file} at {offset}: no record begins or ends there, so nothing was erased in this file. "
        "Restore it from a backup, or delete the whole file."
    )


def _nothing_else(file: BinaryIO, erasing: dict[int, int], size: int) -> bool:
    """Return whether the file holds these records, tombstones and its head, and nothing else."""
    at = 0
    while at < size:
        if at in erasing:
            at += erasing[at]
            continue
        member = _member_at(file, at)
        if member is None or not (member.erased or member.kind == "warcinfo"):
            return False
        at += member.length
    return True


def _nobody_writes(file: BinaryIO) -> bool:
    """Return whether no writer holds the file's lock; the lock is then ours until the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _overwrite(file: BinaryIO, offset: int, member: bytes) -> None:
    os.pwrite(file.fileno(), member, offset)
    begin = -(-offset // BLOCK) * BLOCK
    hole: int | None = None
    for at in range(begin, offset + len(member) + 1, BLOCK):
        here = member[at - offset : at - offset + BLOCK]
        empty = len(here) == BLOCK and not any(here)
        if empty and hole is None:
            hole = at
        elif not empty and hole is not None:
            _give_back(file, hole, at - hole)
            hole = None


def _give_back(file: BinaryIO, offset: int, length: int) -> None:
    """Give blocks of zeros back to the file system, where it can do that."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate"):
        return
    arguments = (ctypes.c_int(file.fileno()), ctypes.c_int(PUNCH_HOLE))
    if libc.fallocate(*arguments, ctypes.c_longlong(offset), ctypes.c_longlong(length)):
        code = ctypes.get_errno()
        if code not in NOT_POSSIBLE:
            raise OSError(code, os.strerror(code))


def _disk_bytes(file: BinaryIO) -> int:
    """Return the bytes that a file takes on the disk."""
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_blocks * 512
