"""The directory of a 7z archive: which bytes are packed how, and which files come out of them.

Counts are compared with the bytes that are left before anything is built of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matching.errors import (
    InputDamaged,
    InputEncrypted,
    InputRefused,
    InputTooLarge,
    InputTooMany,
    InputUnsupported,
)
from matching.inputs.limits import InputBudget

#: Bytes of a directory; 100,000 names need about 10 MB.
HEADER_LIMIT = 1 << 25
START = 32  # bytes of the header before everything
_CODERS = 4

_END, PLAIN, _PROPERTIES, _MORE_STREAMS, _STREAMS, _FILES = range(6)
_PACKED, _UNPACKED, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZES, _COUNTS = range(6, 14)
_EMPTY, _EMPTY_FILE, _ANTI, _NAMES = range(14, 18)
_ATTRIBUTES, PACKED = 21, 23

AES = b"\x06\xf1\x07\x01"


@dataclass(slots=True)
class SevenZipFolder:
    """Bytes packed together; `coders` in the order in which they unpack."""

    coders: list[tuple[bytes, bytes]] = field(default_factory=list)  # method, properties
    refused: InputRefused | None = None
    outputs: int = 1  # sizes that follow
    last: int = 0  # which of them is that of the result
    inputs: int = 1  # packed streams
    sizes: list[int] = field(default_factory=list)
    crc: int | None = None
    parts: list[tuple[int, int | None]] | None = None  # size and checksum of each file; None: one of all

    @property
    def size(self) -> int:
        return self.sizes[self.last]


@dataclass(slots=True)
class Streams:
    start: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[SevenZipFolder] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SevenZipEntry:
    name: str
    empty: bool
    mode: int


def bounded(size: int) -> int:
    if size > HEADER_LIMIT:
        raise InputTooLarge(f"its directory has {size} bytes; {HEADER_LIMIT} are read")
    return size


class HeaderReader:
    """A header that is read from its beginning; raises InputDamaged where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise InputDamaged("its directory ends too early")
        self._at += size
        return self.data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """The first byte's leading ones say how many bytes follow."""
        first = self.byte()
        number, mask = 0, 0x80
        for index in range(8):
            if not first & mask:
                return number | (first & mask - 1) << 8 * index
            number |= self.byte() << 8 * index
            mask >>= 1
        return number

    def count(self) -> int:
        """A number of things that need a byte each, at least, in what follows."""
        number = self.number()
        if number > self.left * 8:
            raise InputDamaged("its directory says a count that it is too short for")
        return number

    def bits(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def some(self, count: int) -> list[bool]:
        """Bits, unless a byte says that all are set."""
        if count > self.left * 8:
            raise InputDamaged("its directory says a count that it is too short for")
        return [True] * count if self.byte() else self.bits(count)

    def checksums(self, count: int) -> list[int | None]:
        return [int.from_bytes(self.take(4), "little") if there else None for there in self.some(count)]


def contents_of(data: HeaderReader, budget: InputBudget) -> tuple[Streams, list[SevenZipEntry]]:
    streams, files = Streams(), []
    while (kind := data.byte()) != _END:
        if kind == _PROPERTIES:
            while data.byte() != _END:
                data.take(data.number())
        elif kind == _MORE_STREAMS:
            streams_of(data)
        elif kind == _STREAMS:
            streams = streams_of(data)
        elif kind == _FILES:
            files = _files(data, budget)
        else:
            raise InputDamaged("its directory has a part of no known kind")
    return streams, files


def streams_of(data: HeaderReader) -> Streams:
    streams = Streams()
    while (kind := data.byte()) != _END:
        if kind == _PACKED:
            _packed(data, streams)
        elif kind == _UNPACKED:
            _folders(data, streams)
        elif kind == _SUBSTREAMS:
            _parts(data, streams)
        else:
            raise InputDamaged("its directory has a part of no known kind")
    return streams


def _packed(data: HeaderReader, streams: Streams) -> None:
    streams.start = START + data.number()
    count = data.count()
    while (kind := data.byte()) != _END:
        if kind == _SIZE:
            streams.packed = [data.number() for _ in range(count)]
        elif kind == _CRC:
            data.checksums(count)
        else:
            raise InputDamaged("its directory has a part of no known kind")


def _folders(data: HeaderReader, streams: Streams) -> None:
    if data.byte() != _FOLDER:
        raise InputDamaged("its directory has a part of no known kind")
    count = data.count()
    if data.byte():
        raise InputUnsupported("parts of its directory are kept elsewhere in it")
    streams.folders = [_folder(data) for _ in range(count)]
    while (kind := data.byte()) != _END:
        if kind == _UNPACK_SIZES:
            for folder in streams.folders:
                folder.sizes = [data.number() for _ in range(folder.outputs)]
        elif kind == _CRC:
            for folder, crc in zip(streams.folders, data.checksums(count), strict=True):
                folder.crc = crc
        else:
            raise InputDamaged("its directory has a part of no known kind")
    if not all(folder.sizes for folder in streams.folders):
        raise InputDamaged("its directory lacks sizes")


def _folder(data: HeaderReader) -> SevenZipFolder:
    """A chain of coders; what is no chain is refused, but read to its end."""
    coders, chain, inputs, outputs = [], True, 0, 0
    for _ in range(_limited(data.number())):
        flags = data.byte()
        method = data.take(flags & 0x0F)
        ins, outs = (data.number(), data.number()) if flags & 0x10 else (1, 1)
        coders.append((method, data.take(data.number()) if flags & 0x20 else b""))
        chain = chain and ins == outs == 1
        inputs, outputs = inputs + _limited(ins), outputs + _limited(outs)
    if not outputs:
        raise InputDamaged("its directory has a folder without coders")
    pairs = [(data.number(), data.number()) for _ in range(outputs - 1)]
    packed = inputs - len(pairs)
    firsts = [data.number() for _ in range(packed)] if packed > 1 else []
    folder = SevenZipFolder(outputs=outputs, inputs=max(1, packed))
    if AES in (method for method, _ in coders):
        folder.refused = InputEncrypted("it needs a password")
    elif not chain or firsts:
        folder.refused = InputUnsupported("it is packed for executables (BCJ2), which is not read")
    else:
        order = _order(outputs, pairs)
        folder.coders, folder.last = [coders[number] for number in order], order[-1]
    return folder


def _limited(count: int) -> int:
    if count > _CODERS:
        raise InputDamaged(f"its directory has a folder with {count} coders; {_CODERS} are read")
    return count


def _order(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Coders as they unpack: a pair says that the first one's input is the second one's output."""
    reads_from = dict(pairs)
    order = [number for number in range(count) if number not in reads_from][:1]
    while len(order) < count:
        following = [number for number, source in reads_from.items() if order and source == order[-1]]
        if not following or following[0] in order or following[0] >= count:
            raise InputDamaged("its directory has a folder whose coders are no chain")
        order.append(following[0])
    return order


def _parts(data: HeaderReader, streams: Streams) -> None:
    counts = [1] * len(streams.folders)
    kind = data.byte()
    if kind == _COUNTS:
        counts = [data.count() for _ in streams.folders]
        kind = data.byte()
    sizes = [
        _sizes(data, folder, count, given=kind == _SIZE)
        for folder, count in zip(streams.folders, counts, strict=True)
    ]
    if kind == _SIZE:
        kind = data.byte()
    known = [
        count == 1 and folder.crc is not None for folder, count in zip(streams.folders, counts, strict=True)
    ]
    missing = sum(count for count, there in zip(counts, known, strict=True) if not there)
    crcs: list[int | None] = [None] * missing
    if kind == _CRC:
        crcs = data.checksums(missing)
        kind = data.byte()
    if kind != _END:
        raise InputDamaged("its directory has a part of no known kind")
    rest = iter(crcs)
    for folder, own, there in zip(streams.folders, sizes, known, strict=True):
        folder.parts = [(size, folder.crc if there else next(rest)) for size in own]


def _sizes(data: HeaderReader, folder: SevenZipFolder, count: int, *, given: bool) -> list[int]:
    """The last one is what is left."""
    if not count:
        return []
    sizes = [data.number() for _ in range(count - 1)] if given else []
    if (count > 1 and not given) or sum(sizes) > folder.size:
        raise InputDamaged("its directory's sizes do not fit")
    return [*sizes, folder.size - sum(sizes)]


def _files(data: HeaderReader, budget: InputBudget) -> list[SevenZipEntry]:
    count = data.number()
    if count > budget.limits.members:
        raise InputTooMany(f"it names {count} members; {budget.limits.members} are read")
    names, empty, modes = [""] * count, [False] * count, [0] * count
    while (kind := data.byte()) != _END:
        part = HeaderReader(data.take(data.number()))
        if kind == _EMPTY:
            empty = part.bits(count)
        elif kind == _NAMES:
            names = _names(part, count)
        elif kind == _ATTRIBUTES:
            modes = _modes(part, count)
    return [SevenZipEntry(*one) for one in zip(names, empty, modes, strict=True)]


def _names(part: HeaderReader, count: int) -> list[str]:
    if part.byte():
        raise InputUnsupported("parts of its directory are kept elsewhere in it")
    names = part.take(part.left).decode("utf-16-le", "replace").split("\0", count)[:count]
    return names + [""] * (count - len(names))


def _modes(part: HeaderReader, count: int) -> list[int]:
    """Unix modes, where the archive has them."""
    there = part.some(count)
    if part.byte():
        return [0] * count
    found = [int.from_bytes(part.take(4), "little") if one else 0 for one in there]
    return [attributes >> 16 if attributes & 0x8000 else 0 for attributes in found]
