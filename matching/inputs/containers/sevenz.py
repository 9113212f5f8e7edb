"""7z: members are found by the directory and unpacked by the decompressors of `compressed`.

This is a reader of our own because it must be a stream: py7zr writes files, or passes a member's bytes to a
callback when the member is complete, and it builds lists as long as a hostile header says. Here lists are
checked_header_size by the header's own bytes, of which `HEADER_LIMIT` are read, and a member comes in pieces.

Not read: BCJ2, PPMd, deflate64, and a filter for executables over LZMA 1. 7-Zip uses none of them for text.
"""

from __future__ import annotations

import lzma
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate

from matching.errors import (
    InputDamaged,
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
from matching.inputs.containers.sevenz_directory import (
    PACKED_HEADER,
    PLAIN_HEADER,
    START_HEADER_BYTES,
    HeaderReader,
    PackedStreams,
    SevenZipEntry,
    SevenZipFolder,
    checked_header_size,
    read_contents,
    read_streams,
)
from matching.inputs.containers.zips import lzma1_filter
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, FileStream, SizedStream, Stream, read_to_end

_PACKED_HEADERS = 4  # within one another
_COPY = b"\x00"
_LZMA1, _LZMA2, _DELTA = b"\x03\x01\x01", b"\x21", b"\x03"
_EXECUTABLE_FILTERS = {
    b"\x04": lzma.FILTER_X86, b"\x03\x03\x01\x03": lzma.FILTER_X86, b"\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64, b"\x07": lzma.FILTER_ARM, b"\x08": lzma.FILTER_ARMTHUMB, b"\x09":
    lzma.FILTER_SPARC,
}  # fmt: skip
_DECOMPRESSORS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x04\x01\x08": lambda: Deflate(-15), b"\x04\x02\x02": DECOMPRESSORS["bzip2"], b"\x04\xf7\x11\x01":
    DECOMPRESSORS["zstd"],
}  # fmt: skip


def members(file: File, budget: InputBudget) -> Iterator[Member]:
    """Yield members in the archive's order; raises InputRefused where the archive cannot be read further."""
    streams, files = _read_directory(file, budget)
    with_content = (one for one in files if not one.empty)
    for folder, start, size in _folders_with_places(streams):
        yield from _folder_members(file, folder, FileStream(file, start, start + size), with_content, budget)
    if next(with_content, None) is not None:
        raise InputDamaged("its directory names more members than the archive holds")


def _folder_members(
    file: File,
    folder: SevenZipFolder,
    packed: Stream,
    with_content: Iterator[SevenZipEntry],
    budget: InputBudget,
) -> Iterator[Member]:
    """Yield the members of one folder, which are packed together as one stream.

    Damage ends all later members of the folder, and no other folder.
    """
    broken = folder.refused or _method_refusal(folder.coders)
    stream = packed if broken else _unpacked_stream(packed, folder, budget)
    for size, crc in folder.parts if folder.parts is not None else [(folder.size, folder.crc)]:
        entry = next(with_content, None)
        if entry is None:
            raise InputDamaged("the archive holds more members than its directory names")
        if (refused := broken or _special_refusal(entry)) is not None:
            yield Member(entry.name, refused)
        content = SizedStream(stream, size)
        if refused is None:
            yield Member(entry.name, CheckedStream(content, size=size, crc=crc))
        if broken is None:
            broken = _read_rest(content)


def _read_rest(content: Stream) -> InputRefused | None:
    """Read the rest of a member, behind which the next one begins; returns the error that prevents it."""
    try:
        read_to_end(content)
    except InputRefused as error:
        return error
    return None


def _special_refusal(entry: SevenZipEntry) -> InputRefused | None:
    kinds = (stat.S_ISLNK, stat.S_ISCHR, stat.S_ISBLK, stat.S_ISFIFO)
    found = any(is_kind(entry.mode) for is_kind in kinds)
    return InputSpecial("it is a link or a device, which is not followed") if found else None


def _folders_with_places(streams: PackedStreams) -> Iterator[tuple[SevenZipFolder, int, int]]:
    """Yield each folder with the place and the size of its packed bytes."""
    starts = [*accumulate(streams.packed, initial=streams.start)]
    at = 0
    for folder in streams.folders:
        if at + folder.inputs > len(streams.packed):
            raise InputDamaged("its directory names more packed streams than it has")
        yield folder, starts[at], streams.packed[at]
        at += folder.inputs


def _unpacked_stream(stream: Stream, folder: SevenZipFolder, budget: InputBudget) -> Stream:
    at = 0
    while at < len(folder.coders):
        method, _ = folder.coders[at]
        if method in _DECOMPRESSORS:
            stream = UnpackedStream(stream, _DECOMPRESSORS[method], budget, several=False)
            at += 1
        elif method == _COPY:
            at += 1
        else:  # liblzma takes LZMA and its filters as one chain
            chain = folder.coders[at:]
            filters = [_lzma_filter(*coder) for coder in reversed(chain)]
            stream = UnpackedStream(stream, partial(bare_lzma, filters), budget, several=False)
            at = len(folder.coders)
    return SizedStream(stream, folder.size)


# --- methods


def _method_refusal(coders: Sequence[tuple[bytes, bytes]]) -> InputRefused | None:
    methods = [method for method, _ in coders]
    known = {_COPY, _LZMA1, _LZMA2, _DELTA, *_EXECUTABLE_FILTERS, *_DECOMPRESSORS}
    behind = [method in _EXECUTABLE_FILTERS or method == _DELTA for method in methods]
    filtered = any(behind)
    if (
        any(method not in known for method in methods)
        or (filtered and (methods[0] != _LZMA2 or not all(behind[1:])))
        or len(methods) - sum(behind) > 1
    ):
        names = " and ".join(method.hex() for method in methods)
        return InputUnsupported(
            f"it is packed by the method {names}, which Spillwatch does not read; unpack it first"
        )
    return None


def _lzma_filter(method: bytes, properties: bytes) -> dict[str, int]:
    if method == _LZMA1:
        if len(properties) < 5:
            raise InputDamaged("the properties of its LZMA compression are missing")
        return lzma1_filter(properties)
    if method == _LZMA2:
        bits = properties[0] if properties else 255
        if bits > 40:
            raise InputDamaged("the properties of its LZMA2 compression are invalid")
        size = 0xFFFFFFFF if bits == 40 else (2 | bits & 1) << bits // 2 + 11
        return {"id": lzma.FILTER_LZMA2, "dict_size": size}
    if method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": (properties[0] if properties else 0) + 1}
    return {"id": _EXECUTABLE_FILTERS[method]}


# --- the directory


def _read_directory(file: File, budget: InputBudget) -> tuple[PackedStreams, list[SevenZipEntry]]:
    head = file.read_exactly(0, START_HEADER_BYTES)
    place, size = (int.from_bytes(head[at : at + 8], "little") for at in (12, 20))
    if zlib.crc32(head[12:START_HEADER_BYTES]) != int.from_bytes(head[8:12], "little"):
        raise InputDamaged("its first header's checksum is wrong")
    if START_HEADER_BYTES + place + size > file.size:
        raise InputTruncated(
            "its directory, which is its last part, is missing: it is cut, or it is the first volume of a "
            "split archive (.7z.001); in the second case join all volumes in their order, for example with "
            "`cat NAME.7z.* > NAME.7z`, and match the result"
        )
    if not size:
        return PackedStreams(), []
    data = HeaderReader(file.read_at(START_HEADER_BYTES + place, checked_header_size(size)))
    if zlib.crc32(data.data) != int.from_bytes(head[28:32], "little"):
        raise InputDamaged("its directory's checksum is wrong")
    for _ in range(_PACKED_HEADERS):
        kind = data.byte()
        if kind == PLAIN_HEADER:
            return read_contents(data, budget)
        if kind != PACKED_HEADER:
            break
        data = _unpack_header(file, data, budget)
    raise InputDamaged("its directory has an unknown form")


def _unpack_header(file: File, data: HeaderReader, budget: InputBudget) -> HeaderReader:
    streams = read_streams(data)
    for folder, start, size in _folders_with_places(streams):
        if (refused := folder.refused or _method_refusal(folder.coders)) is not None:
            raise refused
        unpacked = _unpacked_stream(FileStream(file, start, start + size), folder, budget)
        stream = CheckedStream(unpacked, size=checked_header_size(folder.size), crc=folder.crc)
        found = b""
        while more := stream.read(1 << 16):
            found += more
        return HeaderReader(found)
    raise InputDamaged("its directory has an unknown form")
