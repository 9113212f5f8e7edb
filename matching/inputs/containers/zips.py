"""zip and zip64, by the directory at the end; without one, by the header before each member.

Sizes and checksums of the directory are compared with what comes out, and never believed. A member is found
where the directory says or not at all; that members share their bytes, as those of some bombs do, costs what
comes out of them, which is bounded.
"""

from __future__ import annotations

import lzma
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

from matching.errors import (
    InputDamaged,
    InputEncrypted,
    InputRefused,
    InputSpecial,
    InputTruncated,
    InputUnsupported,
)
from matching.inputs.containers.compressed import MAKERS, Decompressor, Deflate, Unpacked, bare_lzma
from matching.inputs.containers.member import Checked, Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, FilePart, Sized, Stream, drained

_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT = 1 << 16
_MANY32, _MANY16 = 0xFFFFFFFF, 0xFFFF
_ENCRYPTED, _SIZES_FOLLOW, _STRONGLY, _UTF8 = 0x1, 0x8, 0x40, 0x800
_UNIX = 3
_STORED = 0
_METHODS: dict[int, Callable[[], Decompressor]] = {
    8: lambda: Deflate(-15), 12: MAKERS["bzip2"], 20: MAKERS["zstd"], 93: MAKERS["zstd"], 95: MAKERS["xz"],
}  # fmt: skip
_LZMA, _AES = 14, 99
_NAMES = {1: "shrink", 6: "implode", 9: "deflate64", 97: "WavPack", 98: "PPMd"}
_WORKBOOK = "xl/workbook.xml"
_LOOKED_AT = 2_000  # entries, for a workbook's
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """What the directory, or a header, says of a member."""

    name: bytes | str
    method: int
    flags: int
    crc: int | None  # None: it follows the data
    packed: int
    size: int | None
    place: int  # of its header
    mode: int = 0


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    end: int
    shift: int  # bytes before the archive that its places do not count


def members(file: File, budget: InputBudget) -> Iterator[Member]:
    """In the directory's order; raises InputRefused where the archive itself cannot be read on."""
    directory = _directory(file)
    if directory is None:
        yield from _one_after_the_other(file, budget)
        return
    for entry in _entries(file, directory):
        budget.on_time()
        if not _is_folder(entry):
            yield _member(file, entry, budget)


def entries(file: File) -> Iterator[ZipEntry]:
    """Those of the directory; none without one."""
    directory = _directory(file)
    return _entries(file, directory) if directory else iter(())


def is_workbook(file: File) -> bool:
    """Whether this is an XLSX file."""
    try:
        return any(
            entry.name in (_WORKBOOK, _WORKBOOK.encode()) for entry in islice(entries(file), _LOOKED_AT)
        )
    except InputRefused:
        return False


def content_of(file: File, entry: ZipEntry, budget: InputBudget) -> Stream:
    """What is in a member; raises InputRefused."""
    if entry.flags & (_ENCRYPTED | _STRONGLY) or entry.method == _AES:
        raise InputEncrypted("it needs a password")
    start = _data_of(file, entry.place)
    return Checked(_unpacked(file, start, entry, budget), size=entry.size, crc=entry.crc)


# --- by the directory


def _directory(file: File) -> _Directory | None:
    tail_at = max(0, file.size - _COMMENT - _END.size)
    tail = file.at(tail_at, _COMMENT + _END.size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, count, size, start, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    if count == _MANY16 or size == _MANY32 or start == _MANY32:
        found = _directory64(file, end)
        if found is not None:
            size, start, end = found
    shift = end - size - start
    if shift < 0 or (size and file.at(start + shift, 4) != b"PK\x01\x02"):
        shift = 0
    if size and file.at(start + shift, 4) != b"PK\x01\x02":
        return None
    return _Directory(start + shift, min(start + shift + size, file.size), shift)


def _directory64(file: File, end: int) -> tuple[int, int, int] | None:
    """Size, start, and where what follows begins."""
    if end < _END64_PLACE.size:
        return None
    sign, _, place, _ = _END64_PLACE.unpack(file.exactly(end - _END64_PLACE.size, _END64_PLACE.size))
    if sign != b"PK\x06\x07":
        return None
    for at in (place, end - _END64_PLACE.size - _END64.size):  # the second: bytes before the archive
        block = file.at(at, _END64.size) if 0 <= at <= file.size else b""
        if len(block) == _END64.size and block.startswith(b"PK\x06\x06"):
            size, start = _END64.unpack(block)[-2:]
            return int(size), int(start), at
    return None


def _entries(file: File, directory: _Directory) -> Iterator[ZipEntry]:
    at, count = directory.start, 0
    while at < directory.end:
        block = file.at(at, _ENTRY.size)
        if len(block) < _ENTRY.size or not block.startswith(b"PK\x01\x02"):
            if block.startswith((b"PK\x05\x06", b"PK\x06\x06", b"PK\x05\x05")):
                return
            raise InputDamaged(f"its directory cannot be read on behind {count} members")
        entry, size = _entry(file, block, at, directory.shift)
        yield entry
        count += 1
        at += size


def _entry(file: File, block: bytes, at: int, shift: int) -> tuple[ZipEntry, int]:
    _, made, _, flags, method, _, _, crc, packed, size, names, extras, comments, _, _, outer, place = (
        _ENTRY.unpack(block)
    )
    text = file.exactly(at + _ENTRY.size, names + extras)
    name, extra = text[:names], text[names:]
    size, packed, place = _wide(extra, size, packed, place)
    mode = outer >> 16 if made >> 8 == _UNIX else 0
    entry = ZipEntry(_named(name, flags), method, flags, crc, packed, size, place + shift, mode)
    return entry, _ENTRY.size + names + extras + comments


def _wide(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """Sizes and places of 8 bytes stand in an extra field, in this order, for those that are all ones."""
    found = list(numbers)
    field = _extra(extra, 1)
    for index, number in enumerate(found):
        if number == _MANY32 and len(field) >= 8:
            found[index], field = int.from_bytes(field[:8], "little"), field[8:]
    return tuple(found)


def _extra(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _named(name: bytes, flags: int) -> bytes | str:
    return name.decode("utf-8", "replace") if flags & _UTF8 else name


def _is_folder(entry: ZipEntry) -> bool:
    end = entry.name[-1:]
    return end in (b"/", "/") and not entry.size


def _member(file: File, entry: ZipEntry, budget: InputBudget) -> Member:
    if stat.S_ISLNK(entry.mode):
        return Member(entry.name, InputSpecial("it is a symbolic link, which is not followed"))
    try:
        return Member(entry.name, content_of(file, entry, budget))
    except InputRefused as error:
        return Member(entry.name, error)


def _data_of(file: File, place: int) -> int:
    """Where the data behind a local header begins."""
    block = file.at(place, _LOCAL.size) if 0 <= place < file.size else b""
    if len(block) < _LOCAL.size:
        raise InputTruncated("the archive ends before it")
    if not block.startswith(b"PK\x03\x04"):
        raise InputDamaged("the directory names a place where there is no member")
    names, extras = _LOCAL.unpack(block)[-2:]
    return place + _LOCAL.size + int(names) + int(extras)


def _unpacked(file: File, start: int, entry: ZipEntry, budget: InputBudget) -> Stream:
    end = start + entry.packed
    part = Sized(FilePart(file, start, file.size), entry.packed)
    if entry.method == _STORED and entry.size is None:
        raise InputDamaged("its size would stand behind it, and where that is only the directory says")
    if entry.method == _STORED:
        return _Counted(part, budget)
    if entry.method == _LZMA:
        head = file.exactly(start, 9)
        make = partial(bare_lzma, [lzma1(head[4:9])])
        inner = Unpacked(FilePart(file, start + 9, end), make, budget, many=False)
        return inner if entry.size is None else Sized(inner, entry.size)
    maker = _METHODS.get(entry.method)
    if maker is None:
        method = _NAMES.get(entry.method, str(entry.method))
        raise InputUnsupported(f"it is packed by the method {method}, which is not read")
    return Unpacked(part, maker, budget, many=False)


def lzma1(properties: bytes) -> dict[str, int]:
    """The filter of LZMA that its five bytes of properties stand for; raises InputDamaged."""
    numbers, size = properties[0], int.from_bytes(properties[1:5], "little")
    lc, lp, pb = numbers % 9, numbers // 9 % 5, numbers // 45
    if pb > 4 or lc + lp > 4:
        raise InputDamaged("the properties of its compression are none")
    return {"id": lzma.FILTER_LZMA1, "dict_size": max(4096, size), "lc": lc, "lp": lp, "pb": pb}


class _Counted:
    """Stored bytes count as well: a member may be named a thousand times."""

    def __init__(self, stream: Stream, budget: InputBudget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._budget.unpacked(len(data))
        return data


# --- one after the other


def _one_after_the_other(file: File, budget: InputBudget) -> Iterator[Member]:
    """What is left of an archive whose directory is missing; the ending says so, whatever was found."""
    at = 0
    while (at := _next_header(file, at, budget)) >= 0:
        entry = _local_entry(file, at)
        start = _data_of(file, at)
        if entry is None:
            break
        if entry.size is None and entry.packed == 0:  # both follow the data
            entry = ZipEntry(entry.name, entry.method, entry.flags, None, file.size - start, None, at)
        if not _is_folder(entry):
            member = _member(file, entry, budget)
            yield member
            _pass(member)
        end = start + entry.packed
        at = end if entry.size is not None and end <= file.size else start
    raise InputTruncated("its directory, which is its last part, is missing; it was read without it")


def _pass(member: Member) -> None:
    """Read what nobody read, so that the next header is searched for behind it in all cases."""
    with suppress(InputRefused):  # its own document says so
        if not isinstance(member.content, InputRefused):
            drained(member.content)


def _local_entry(file: File, at: int) -> ZipEntry | None:
    block = file.at(at, _LOCAL.size)
    if len(block) < _LOCAL.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(block)
    text = file.at(at + _LOCAL.size, names + extras)
    size, packed = _wide(text[names:], size, packed)
    if flags & _SIZES_FOLLOW:
        return ZipEntry(_named(text[:names], flags), method, flags, None, 0, None, at)
    return ZipEntry(_named(text[:names], flags), method, flags, crc, packed, size, at)


def _next_header(file: File, at: int, budget: InputBudget) -> int:
    """The next place with a local header, -1 without one."""
    while at < file.size:
        block = file.at(at, _STEP)
        budget.on_time()
        if (found := block.find(b"PK\x03\x04")) >= 0:
            return at + found
        at += max(1, len(block) - 3)
    return -1
