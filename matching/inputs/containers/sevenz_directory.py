"""The directory of a 7z archive: which bytes are packed how, and which files they hold.

The directory is a tree of sections. Each begins with a byte that names its kind and ends with `_END`; only
these bytes say where a section ends, so an unknown kind cannot be skipped and is damage. The format is
described in 7zFormat.txt of the 7-Zip sources:

    header
    ├── pack info          sizes of the packed streams, one behind the other from `start` on
    ├── coders info        folders: packed streams that are unpacked together by a chain of coders
    ├── substreams info    how a folder's unpacked bytes are divided into files
    └── files info         names, modes, and which files are empty and have no bytes in any folder

Counts come from a stranger. Each is compared with the bytes that are left before a list is built of it, so
that a directory of 40 bytes cannot ask for a list of 2**60 elements.
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

#: Bytes of a directory that are read; 100,000 names need about 10 MB.
HEADER_LIMIT = 1 << 25
#: Bytes of the header at the archive's beginning, which says where the directory is.
START_HEADER_BYTES = 32
_CODERS_LIMIT = 4  # of one folder; 7-Zip writes one or two, and four for BCJ2

_END, PLAIN_HEADER, _PROPERTIES, _MORE_STREAMS, _STREAMS, _FILES = range(6)
_PACK_INFO, _CODERS_INFO, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZES, _COUNTS = range(6, 14)
_EMPTY, _EMPTY_FILE, _ANTI, _NAMES = range(14, 18)
_ATTRIBUTES, PACKED_HEADER = 21, 23

AES = b"\x06\xf1\x07\x01"


@dataclass(slots=True)
class SevenZipFolder:
    """Bytes packed together. `coders`: method and properties, in the order in which they unpack."""

    coders: list[tuple[bytes, bytes]] = field(default_factory=list)
    refused: InputRefused | None = None  # why it cannot be unpacked
    outputs: int = 1  # coders with a size each
    last: int = 0  # index of the coder whose output is the folder's content
    inputs: int = 1  # packed streams
    sizes: list[int] = field(default_factory=list)
    crc: int | None = None
    parts: list[tuple[int, int | None]] | None = None  # size and checksum per file; None: all is one file

    @property
    def size(self) -> int:
        return self.sizes[self.last]


@dataclass(slots=True)
class PackedStreams:
    """`packed`: sizes of the packed streams, which begin at `start` and follow one another."""

    start: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[SevenZipFolder] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SevenZipEntry:
    """A file of the archive. `mode`: of Unix, 0 where the archive has none."""

    name: str
    empty: bool
    mode: int


def checked_header_size(size: int) -> int:
    """Return the size; raises InputTooLarge."""
    if size > HEADER_LIMIT:
        raise InputTooLarge(f"its directory has {size} bytes; the limit is {HEADER_LIMIT}")
    return size


def _unknown_section() -> InputDamaged:
    return InputDamaged("its directory has a section of an unknown kind")


class HeaderReader:
    """Reads a header from its beginning; raises InputDamaged where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = 0

    @property
    def bytes_left(self) -> int:
        return len(self.data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.bytes_left:
            raise InputDamaged("its directory ends too early")
        self._at += size
        return self.data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number of 1 to 9 bytes: the leading ones of the first byte say how many bytes follow it.

        The bits of the first byte behind its first zero are the number's highest.
        """
        first = self.byte()
        number, mask = 0, 0x80
        for index in range(8):
            if not first & mask:
                return number | (first & mask - 1) << 8 * index
            number |= self.byte() << 8 * index
            mask >>= 1
        return number

    def count(self) -> int:
        """A number of elements. Each needs a bit at least in what follows, so a larger number is a lie."""
        return self._checked_count(self.number())

    def _checked_count(self, count: int) -> int:
        if count > self.bytes_left * 8:
            raise InputDamaged(f"its directory states {count} elements and is too short for them")
        return count

    def bits(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def optional_bits(self, count: int) -> list[bool]:
        """Bits; a first byte that is not 0 stands for bits that are all set."""
        self._checked_count(count)
        return [True] * count if self.byte() else self.bits(count)

    def checksums(self, count: int) -> list[int | None]:
        """None: not stored."""
        stored = self.optional_bits(count)
        return [int.from_bytes(self.take(4), "little") if there else None for there in stored]


def read_contents(data: HeaderReader, budget: InputBudget) -> tuple[PackedStreams, list[SevenZipEntry]]:
    """Read a header behind its first byte."""
    streams, files = PackedStreams(), []
    while (kind := data.byte()) != _END:
        if kind == _PROPERTIES:
            while data.byte() != _END:
                data.take(data.number())
        elif kind == _MORE_STREAMS:
            read_streams(data)  # not used for files, but its end must be found
        elif kind == _STREAMS:
            streams = read_streams(data)
        elif kind == _FILES:
            files = _read_files(data, budget)
        else:
            raise _unknown_section()
    return streams, files


def read_streams(data: HeaderReader) -> PackedStreams:
    """Read pack info, coders info and substreams info. A packed header is described by the same sections."""
    streams = PackedStreams()
    while (kind := data.byte()) != _END:
        if kind == _PACK_INFO:
            _read_pack_info(data, streams)
        elif kind == _CODERS_INFO:
            _read_coders_info(data, streams)
        elif kind == _SUBSTREAMS:
            _read_substreams(data, streams)
        else:
            raise _unknown_section()
    return streams


def _read_pack_info(data: HeaderReader, streams: PackedStreams) -> None:
    streams.start = START_HEADER_BYTES + data.number()
    count = data.count()
    while (kind := data.byte()) != _END:
        if kind == _SIZE:
            streams.packed = [data.number() for _ in range(count)]
        elif kind == _CRC:
            data.checksums(count)  # of packed bytes: those of the files are compared instead
        else:
            raise _unknown_section()


def _read_coders_info(data: HeaderReader, streams: PackedStreams) -> None:
    if data.byte() != _FOLDER:
        raise _unknown_section()
    count = data.count()
    if data.byte():
        raise InputUnsupported(
            "parts of its directory are stored elsewhere in the archive, which is not read"
        )
    streams.folders = [_read_folder(data) for _ in range(count)]
    while (kind := data.byte()) != _END:
        if kind == _UNPACK_SIZES:
            for folder in streams.folders:
                folder.sizes = [data.number() for _ in range(folder.outputs)]
        elif kind == _CRC:
            for folder, crc in zip(streams.folders, data.checksums(count), strict=True):
                folder.crc = crc
        else:
            raise _unknown_section()
    if not all(folder.sizes for folder in streams.folders):
        raise InputDamaged("sizes are missing in its directory")


def _read_folder(data: HeaderReader) -> SevenZipFolder:
    """Read a folder's coders.

    Only a chain of coders with one input and one output each is unpacked. Anything else is refused, but read
    to its end: the folders behind it may be all right, and their place is known only after this one.
    """
    coders, is_chain, inputs, outputs = [], True, 0, 0
    for _ in range(_checked_coder_count(data.number())):
        flags = data.byte()
        method = data.take(flags & 0x0F)
        coder_inputs, coder_outputs = (data.number(), data.number()) if flags & 0x10 else (1, 1)
        coders.append((method, data.take(data.number()) if flags & 0x20 else b""))
        is_chain = is_chain and coder_inputs == coder_outputs == 1
        inputs += _checked_coder_count(coder_inputs)
        outputs += _checked_coder_count(coder_outputs)
    if not outputs:
        raise InputDamaged("its directory has a folder without coders")
    # All outputs but the last one are bound to an input; the inputs that remain read packed streams.
    bindings = [(data.number(), data.number()) for _ in range(outputs - 1)]
    packed = inputs - len(bindings)
    packed_inputs = [data.number() for _ in range(packed)] if packed > 1 else []
    folder = SevenZipFolder(outputs=outputs, inputs=max(1, packed))
    if AES in (method for method, _ in coders):
        folder.refused = InputEncrypted("it is encrypted; unpack it with its password first")
    elif not is_chain or packed_inputs:
        folder.refused = InputUnsupported(
            "it is packed by BCJ2, a method for executables, which Spillwatch does not read; unpack it first"
        )
    else:
        order = _unpack_order(outputs, bindings)
        folder.coders, folder.last = [coders[number] for number in order], order[-1]
    return folder


def _checked_coder_count(count: int) -> int:
    if count > _CODERS_LIMIT:
        raise InputDamaged(f"its directory has a folder with {count} coders; the limit is {_CODERS_LIMIT}")
    return count


def _unpack_order(count: int, bindings: Sequence[tuple[int, int]]) -> list[int]:
    """Return the coders in the order in which they unpack.

    A binding (a, b) says that the input of coder a is the output of coder b. The first coder is the one whose
    input is bound to nothing: it reads the packed stream.
    """
    reads_from = dict(bindings)
    order = [number for number in range(count) if number not in reads_from][:1]
    while len(order) < count:
        following = [number for number, source in reads_from.items() if order and source == order[-1]]
        if not following or following[0] in order or following[0] >= count:
            raise InputDamaged("its directory has a folder whose coders do not form a chain")
        order.append(following[0])
    return order


def _read_substreams(data: HeaderReader, streams: PackedStreams) -> None:
    """Read how the folders' bytes are divided into files.

    Everything that can be derived is left out of the section: counts where each folder holds one file, the
    size of a folder's last file, and the checksum of a file that is alone in a folder with a checksum. So the
    counts decide how many sizes follow, and both decide how many checksums follow.
    """
    counts = [1] * len(streams.folders)
    kind = data.byte()
    if kind == _COUNTS:
        counts = [data.count() for _ in streams.folders]
        kind = data.byte()
    sizes = [
        _file_sizes(data, folder, count, stored=kind == _SIZE)
        for folder, count in zip(streams.folders, counts, strict=True)
    ]
    if kind == _SIZE:
        kind = data.byte()
    has_folder_crc = [
        count == 1 and folder.crc is not None for folder, count in zip(streams.folders, counts, strict=True)
    ]
    missing = sum(count for count, there in zip(counts, has_folder_crc, strict=True) if not there)
    crcs: list[int | None] = [None] * missing
    if kind == _CRC:
        crcs = data.checksums(missing)
        kind = data.byte()
    if kind != _END:
        raise _unknown_section()
    rest = iter(crcs)
    for folder, own, there in zip(streams.folders, sizes, has_folder_crc, strict=True):
        folder.parts = [(size, folder.crc if there else next(rest)) for size in own]


def _file_sizes(data: HeaderReader, folder: SevenZipFolder, count: int, *, stored: bool) -> list[int]:
    """The sizes of a folder's files. The last one is not stored: it is the rest of the folder's size."""
    if not count:
        return []
    sizes = [data.number() for _ in range(count - 1)] if stored else []
    if (count > 1 and not stored) or sum(sizes) > folder.size:
        raise InputDamaged("the sizes in its directory contradict one another")
    return [*sizes, folder.size - sum(sizes)]


def _read_files(data: HeaderReader, budget: InputBudget) -> list[SevenZipEntry]:
    count = data.number()
    if count > budget.limits.members:
        raise InputTooMany(f"its directory names {count} members; the limit is {budget.limits.members}")
    names, empty, modes = [""] * count, [False] * count, [0] * count
    while (kind := data.byte()) != _END:
        # These sections state their size, so unknown ones (times, comments) are skipped.
        section = HeaderReader(data.take(data.number()))
        if kind == _EMPTY:
            empty = section.bits(count)
        elif kind == _NAMES:
            names = _read_names(section, count)
        elif kind == _ATTRIBUTES:
            modes = _read_modes(section, count)
    return [SevenZipEntry(*one) for one in zip(names, empty, modes, strict=True)]


def _read_names(section: HeaderReader, count: int) -> list[str]:
    if section.byte():
        raise InputUnsupported(
            "parts of its directory are stored elsewhere in the archive, which is not read"
        )
    names = section.take(section.bytes_left).decode("utf-16-le", "replace").split("\0", count)[:count]
    return names + [""] * (count - len(names))


def _read_modes(section: HeaderReader, count: int) -> list[int]:
    """Modes of Unix, which stand in the high half of Windows' attributes where bit 15 says so."""
    there = section.optional_bits(count)
    if section.byte():
        return [0] * count
    found = [int.from_bytes(section.take(4), "little") if one else 0 for one in there]
    return [attributes >> 16 if attributes & 0x8000 else 0 for attributes in found]
