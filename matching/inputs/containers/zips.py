"""zip and zip64, by the directory at the end; where that is missing, by the header before each member.

Sizes and checksums of the directory are compared with the content and never relied on. A member is looked for
only where the directory says. Members may share their bytes, as in some bombs: each reading of them counts
against the budget.
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
from matching.inputs.containers.compressed import (
    DECOMPRESSORS,
    Decompressor,
    Deflate,
    UnpackedStream,
    bare_lzma,
)
from matching.inputs.containers.member import CheckedStream, Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, FileStream, SizedStream, Stream, read_to_end

_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT_BYTES = 1 << 16
_IN_ZIP64_32, _IN_ZIP64_16 = 0xFFFFFFFF, 0xFFFF
_ENCRYPTED, _SIZES_FOLLOW, _STRONGLY_ENCRYPTED, _UTF8 = 0x1, 0x8, 0x40, 0x800
_UNIX = 3
_STORED = 0
_METHODS: dict[int, Callable[[], Decompressor]] = {
    8: lambda: Deflate(-15),
    12: DECOMPRESSORS["bzip2"],
    20: DECOMPRESSORS["zstd"],
    93: DECOMPRESSORS["zstd"],
    95: DECOMPRESSORS["xz"],
}
_LZMA, _AES = 14, 99
_UNSUPPORTED = {1: "shrink", 6: "implode", 9: "deflate64", 97: "WavPack", 98: "PPMd"}
_WORKBOOK = "xl/workbook.xml"
_WORKBOOK_ENTRIES = 2_000  # among which a workbook's main part is looked for
_SEARCH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """What the directory, or a member's own header, says about the member."""

    name: bytes | str
    method: int
    flags: int
    crc: int | None  # None: it stands behind the data
    packed: int
    size: int | None  # None: it stands behind the data
    place: int  # of its header
    mode: int = 0


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    end: int
    shift: int  # bytes before the archive, which its places do not count


def members(file: File, budget: InputBudget) -> Iterator[Member]:
    """Yield members in the directory's order; raises InputRefused where the archive is unreadable."""
    directory = _find_directory(file)
    if directory is None:
        yield from _members_without_directory(file, budget)
        return
    for entry in _read_entries(file, directory):
        budget.check_time()
        if not is_folder(entry):
            yield entry_member(file, entry, budget)


def directory_entries(file: File) -> Iterator[ZipEntry]:
    """Yield the directory's directory_entries; none without a directory."""
    directory = _find_directory(file)
    return _read_entries(file, directory) if directory else iter(())


def is_workbook(file: File) -> bool:
    """Whether the zip is an XLSX file."""
    try:
        return any(
            entry.name in (_WORKBOOK, _WORKBOOK.encode())
            for entry in islice(directory_entries(file), _WORKBOOK_ENTRIES)
        )
    except InputRefused:
        return False


def content_stream(file: File, entry: ZipEntry, budget: InputBudget) -> Stream:
    """Return the content of a member; raises InputRefused."""
    if entry.flags & (_ENCRYPTED | _STRONGLY_ENCRYPTED) or entry.method == _AES:
        raise InputEncrypted("it is encrypted; unpack it with its password first")
    start = _data_start(file, entry.place)
    return CheckedStream(_unpacked_stream(file, start, entry, budget), size=entry.size, crc=entry.crc)


# --- by the directory


def _find_directory(file: File) -> _Directory | None:
    tail_at = max(0, file.size - _COMMENT_BYTES - _END.size)
    tail = file.read_at(tail_at, _COMMENT_BYTES + _END.size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, count, size, start, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    if count == _IN_ZIP64_16 or size == _IN_ZIP64_32 or start == _IN_ZIP64_32:
        found = _zip64_directory(file, end)
        if found is not None:
            size, start, end = found
    shift = end - size - start
    if shift < 0 or (size and file.read_at(start + shift, 4) != b"PK\x01\x02"):
        shift = 0
    if size and file.read_at(start + shift, 4) != b"PK\x01\x02":
        return None
    return _Directory(start + shift, min(start + shift + size, file.size), shift)


def _zip64_directory(file: File, end: int) -> tuple[int, int, int] | None:
    """Return the directory's size and start from the zip64 record, and that record's place."""
    if end < _END64_PLACE.size:
        return None
    sign, _, place, _ = _END64_PLACE.unpack(file.read_exactly(end - _END64_PLACE.size, _END64_PLACE.size))
    if sign != b"PK\x06\x07":
        return None
    # The second place is right where other bytes stand before the archive.
    for at in (place, end - _END64_PLACE.size - _END64.size):
        block = file.read_at(at, _END64.size) if 0 <= at <= file.size else b""
        if len(block) == _END64.size and block.startswith(b"PK\x06\x06"):
            size, start = _END64.unpack(block)[-2:]
            return int(size), int(start), at
    return None


def _read_entries(file: File, directory: _Directory) -> Iterator[ZipEntry]:
    at, count = directory.start, 0
    while at < directory.end:
        block = file.read_at(at, _ENTRY.size)
        if len(block) < _ENTRY.size or not block.startswith(b"PK\x01\x02"):
            if block.startswith((b"PK\x05\x06", b"PK\x06\x06", b"PK\x05\x05")):
                return
            raise InputDamaged(f"its directory is damaged behind {count} members")
        entry, size = _read_entry(file, block, at, directory.shift)
        yield entry
        count += 1
        at += size


def _read_entry(file: File, block: bytes, at: int, shift: int) -> tuple[ZipEntry, int]:
    _, made, _, flags, method, _, _, crc, packed, size, names, extras, comments, _, _, outer, place = (
        _ENTRY.unpack(block)
    )
    text = file.read_exactly(at + _ENTRY.size, names + extras)
    name, extra = text[:names], text[names:]
    size, packed, place = _zip64_numbers(extra, size, packed, place)
    mode = outer >> 16 if made >> 8 == _UNIX else 0
    entry = ZipEntry(_entry_name(name, flags), method, flags, crc, packed, size, place + shift, mode)
    return entry, _ENTRY.size + names + extras + comments


def _zip64_numbers(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """Replace numbers whose bits are all ones by those of the zip64 field, which keeps their order."""
    found = list(numbers)
    field = _extra_field(extra, 1)
    for index, number in enumerate(found):
        if number == _IN_ZIP64_32 and len(field) >= 8:
            found[index], field = int.from_bytes(field[:8], "little"), field[8:]
    return tuple(found)


def _extra_field(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _entry_name(name: bytes, flags: int) -> bytes | str:
    return name.decode("utf-8", "replace") if flags & _UTF8 else name


def is_folder(entry: ZipEntry) -> bool:
    end = entry.name[-1:]
    return end in (b"/", "/") and not entry.size


def entry_member(file: File, entry: ZipEntry, budget: InputBudget) -> Member:
    if stat.S_ISLNK(entry.mode):
        return Member(entry.name, InputSpecial("it is a symbolic link, which is not followed"))
    try:
        return Member(entry.name, content_stream(file, entry, budget))
    except InputRefused as error:
        return Member(entry.name, error)


def _data_start(file: File, place: int) -> int:
    """Return the place of a member's data, which is behind its local header."""
    block = file.read_at(place, _LOCAL.size) if 0 <= place < file.size else b""
    if len(block) < _LOCAL.size:
        raise InputTruncated("the archive ends before this member")
    if not block.startswith(b"PK\x03\x04"):
        raise InputDamaged("the directory names a place where no member begins")
    names, extras = _LOCAL.unpack(block)[-2:]
    return place + _LOCAL.size + int(names) + int(extras)


def _unpacked_stream(file: File, start: int, entry: ZipEntry, budget: InputBudget) -> Stream:
    end = start + entry.packed
    part = SizedStream(FileStream(file, start, file.size), entry.packed)
    if entry.method == _STORED and entry.size is None:
        raise InputDamaged(
            "its size stands behind its data, so that its end cannot be found without the directory"
        )
    if entry.method == _STORED:
        return _StoredStream(part, budget)
    if entry.method == _LZMA:
        head = file.read_exactly(start, 9)
        make = partial(bare_lzma, [lzma1_filter(head[4:9])])
        inner = UnpackedStream(FileStream(file, start + 9, end), make, budget, several=False)
        return inner if entry.size is None else SizedStream(inner, entry.size)
    maker = _METHODS.get(entry.method)
    if maker is None:
        method = _UNSUPPORTED.get(entry.method, str(entry.method))
        raise InputUnsupported(
            f"it is packed by the method {method}, which Spillwatch does not read; unpack it first"
        )
    return UnpackedStream(part, maker, budget, several=False)


def lzma1_filter(properties: bytes) -> dict[str, int]:
    """Return the LZMA filter for five bytes of properties; raises InputDamaged."""
    numbers, size = properties[0], int.from_bytes(properties[1:5], "little")
    lc, lp, pb = numbers % 9, numbers // 9 % 5, numbers // 45
    if pb > 4 or lc + lp > 4:
        raise InputDamaged("the properties of its LZMA compression are invalid")
    return {"id": lzma.FILTER_LZMA1, "dict_size": max(4096, size), "lc": lc, "lp": lp, "pb": pb}


class _StoredStream:
    """Counts stored bytes against the budget too: a directory may name one member ten thousand times."""

    def __init__(self, stream: Stream, budget: InputBudget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._budget.count_output(len(data))
        return data


# --- without a directory


def _members_without_directory(file: File, budget: InputBudget) -> Iterator[Member]:
    """Yield members that are found by their own headers; raises at the end that the directory is missing."""
    at = 0
    while (at := _next_local_header(file, at, budget)) >= 0:
        entry = _read_local_entry(file, at)
        start = _data_start(file, at)
        if entry is None:
            break
        if (
            entry.size is None and entry.packed == 0
        ):  # both stand behind the data, which the decompressor ends
            entry = ZipEntry(entry.name, entry.method, entry.flags, None, file.size - start, None, at)
        if not is_folder(entry):
            member = entry_member(file, entry, budget)
            yield member
            _read_rest(member)
        end = start + entry.packed
        at = end if entry.size is not None and end <= file.size else start
    raise InputTruncated(
        "its directory, which is its last part, is missing; the members were found by their own headers"
    )


def _read_rest(member: Member) -> None:
    """Read the rest of a member, so that its bytes count whether its caller has read them or not."""
    with suppress(InputRefused):  # the member's own document reports it
        if not isinstance(member.content, InputRefused):
            read_to_end(member.content)


def _read_local_entry(file: File, at: int) -> ZipEntry | None:
    block = file.read_at(at, _LOCAL.size)
    if len(block) < _LOCAL.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(block)
    text = file.read_at(at + _LOCAL.size, names + extras)
    size, packed = _zip64_numbers(text[names:], size, packed)
    if flags & _SIZES_FOLLOW:
        return ZipEntry(_entry_name(text[:names], flags), method, flags, None, 0, None, at)
    return ZipEntry(_entry_name(text[:names], flags), method, flags, crc, packed, size, at)


def _next_local_header(file: File, at: int, budget: InputBudget) -> int:
    """Return the place of the next local header, -1 where there is none."""
    while at < file.size:
        block = file.read_at(at, _SEARCH_BYTES)
        budget.check_time()
        if (found := block.find(b"PK\x03\x04")) >= 0:
            return at + found
        at += max(1, len(block) - 3)
    return -1
