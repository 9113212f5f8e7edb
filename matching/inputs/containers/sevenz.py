"""7z: its directory is read here, what it holds by the decompressors of `compressed`.

Its own reader, because it has to be a stream: py7zr gives a member's bytes to a callback when it is done, or
writes files, and builds lists as long as a hostile header says. What is read here is bounded by the header's
own bytes, which are at most `HEADER_LIMIT`, and members come one piece at a time.

Not read: BCJ2, PPMd, deflate64, and an executable's filter over LZMA 1. 7-Zip chooses none of them for text.
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
from matching.inputs.containers.compressed import MAKERS, Decompressor, Deflate, Unpacked, bare_lzma
from matching.inputs.containers.member import Checked, Member
from matching.inputs.containers.sevenz_directory import (
    PACKED,
    PLAIN,
    START,
    HeaderReader,
    SevenZipEntry,
    SevenZipFolder,
    Streams,
    bounded,
    contents_of,
    streams_of,
)
from matching.inputs.containers.zips import lzma1
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, FilePart, Sized, Stream, drained

_HEADERS = 4  # packed headers within one another
_COPY = b"\x00"
_LZMA1, _LZMA2, _DELTA = b"\x03\x01\x01", b"\x21", b"\x03"
_MACHINES = {
    b"\x04": lzma.FILTER_X86, b"\x03\x03\x01\x03": lzma.FILTER_X86, b"\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64, b"\x07": lzma.FILTER_ARM, b"\x08": lzma.FILTER_ARMTHUMB, b"\x09":
    lzma.FILTER_SPARC,
}  # fmt: skip
_MAKERS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x04\x01\x08": lambda: Deflate(-15), b"\x04\x02\x02": MAKERS["bzip2"], b"\x04\xf7\x11\x01":
    MAKERS["zstd"],
}  # fmt: skip


def members(file: File, budget: InputBudget) -> Iterator[Member]:
    """In the archive's order; raises InputRefused where the archive itself cannot be read on."""
    streams, files = _directory(file, budget)
    full = (one for one in files if not one.empty)
    for folder, start, size in _placed(streams):
        yield from _of_folder(file, folder, FilePart(file, start, start + size), full, budget)
    if next(full, None) is not None:
        raise InputDamaged("it names more members than it holds")


def _of_folder(
    file: File, folder: SevenZipFolder, packed: Stream, full: Iterator[SevenZipEntry], budget: InputBudget
) -> Iterator[Member]:
    """What cannot be unpacked takes the rest of its folder with it, and no other one."""
    broken = folder.refused or _refusal(folder.coders)
    stream = packed if broken else _opened(packed, folder, budget)
    for size, crc in folder.parts if folder.parts is not None else [(folder.size, folder.crc)]:
        entry = next(full, None)
        if entry is None:
            raise InputDamaged("it holds more members than it names")
        if (refused := broken or _special(entry)) is not None:
            yield Member(entry.name, refused)
        content = Sized(stream, size)
        if refused is None:
            yield Member(entry.name, Checked(content, size=size, crc=crc))
        if broken is None:
            broken = _passed(content)


def _passed(content: Stream) -> InputRefused | None:
    """Read what nobody read; what it ends with, if that is not its end."""
    try:
        drained(content)
    except InputRefused as error:
        return error
    return None


def _special(entry: SevenZipEntry) -> InputRefused | None:
    kinds = (stat.S_ISLNK, stat.S_ISCHR, stat.S_ISBLK, stat.S_ISFIFO)
    found = any(is_kind(entry.mode) for is_kind in kinds)
    return InputSpecial("it is a link or a device, which is not followed") if found else None


def _placed(streams: Streams) -> Iterator[tuple[SevenZipFolder, int, int]]:
    """Each folder with the place and the size of its packed bytes."""
    starts = [*accumulate(streams.packed, initial=streams.start)]
    at = 0
    for folder in streams.folders:
        if at + folder.inputs > len(streams.packed):
            raise InputDamaged("its directory names more packed streams than it has")
        yield folder, starts[at], streams.packed[at]
        at += folder.inputs


def _opened(stream: Stream, folder: SevenZipFolder, budget: InputBudget) -> Stream:
    at = 0
    while at < len(folder.coders):
        method, _ = folder.coders[at]
        if method in _MAKERS:
            stream = Unpacked(stream, _MAKERS[method], budget, many=False)
            at += 1
        elif method == _COPY:
            at += 1
        else:  # LZMA with the filters behind it is one decompressor
            chain = folder.coders[at:]
            filters = [_filter(*coder) for coder in reversed(chain)]
            stream = Unpacked(stream, partial(bare_lzma, filters), budget, many=False)
            at = len(folder.coders)
    return Sized(stream, folder.size)


# --- methods


def _refusal(coders: Sequence[tuple[bytes, bytes]]) -> InputRefused | None:
    methods = [method for method, _ in coders]
    known = {_COPY, _LZMA1, _LZMA2, _DELTA, *_MACHINES, *_MAKERS}
    behind = [method in _MACHINES or method == _DELTA for method in methods]
    filtered = any(behind)
    if (
        any(method not in known for method in methods)
        or (filtered and (methods[0] != _LZMA2 or not all(behind[1:])))
        or len(methods) - sum(behind) > 1
    ):
        names = " and ".join(method.hex() for method in methods)
        return InputUnsupported(f"it is packed by the method {names}, which is not read")
    return None


def _filter(method: bytes, properties: bytes) -> dict[str, int]:
    if method == _LZMA1:
        if len(properties) < 5:
            raise InputDamaged("the properties of its compression are missing")
        return lzma1(properties)
    if method == _LZMA2:
        bits = properties[0] if properties else 255
        if bits > 40:
            raise InputDamaged("the properties of its compression are none")
        size = 0xFFFFFFFF if bits == 40 else (2 | bits & 1) << bits // 2 + 11
        return {"id": lzma.FILTER_LZMA2, "dict_size": size}
    if method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": (properties[0] if properties else 0) + 1}
    return {"id": _MACHINES[method]}


# --- the directory
def _directory(file: File, budget: InputBudget) -> tuple[Streams, list[SevenZipEntry]]:
    head = file.exactly(0, START)
    place, size = (int.from_bytes(head[at : at + 8], "little") for at in (12, 20))
    if zlib.crc32(head[12:START]) != int.from_bytes(head[8:12], "little"):
        raise InputDamaged("its first header's checksum is wrong")
    if START + place + size > file.size:
        raise InputTruncated("its directory, which is its last part, is missing")
    if not size:
        return Streams(), []
    data = HeaderReader(file.at(START + place, bounded(size)))
    if zlib.crc32(data.data) != int.from_bytes(head[28:32], "little"):
        raise InputDamaged("its directory's checksum is wrong")
    for _ in range(_HEADERS):
        kind = data.byte()
        if kind == PLAIN:
            return contents_of(data, budget)
        if kind != PACKED:
            break
        data = _unpacked_header(file, data, budget)
    raise InputDamaged("its directory is none")


def _unpacked_header(file: File, data: HeaderReader, budget: InputBudget) -> HeaderReader:
    streams = streams_of(data)
    for folder, start, size in _placed(streams):
        if (refused := folder.refused or _refusal(folder.coders)) is not None:
            raise refused
        unpacked = _opened(FilePart(file, start, start + size), folder, budget)
        stream = Checked(unpacked, size=bounded(folder.size), crc=folder.crc)
        found = b""
        while more := stream.read(1 << 16):
            found += more
        return HeaderReader(found)
    raise InputDamaged("its directory is none")
