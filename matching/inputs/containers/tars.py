"""tar, read as a stream: a header of 512 bytes stands before each member. Old, ustar, GNU and pax headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matching.errors import InputDamaged, InputSpecial, InputTruncated, InputUnsupported
from matching.inputs.containers.magic import is_tar_header
from matching.inputs.containers.member import Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import SizedStream, Stream, read_to_end

_BLOCK = 512
#: Bytes of an extra header, which holds the long name and other attributes of the next member.
EXTRA_LIMIT = 1 << 20
_SPECIAL = {
    b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe",
}  # fmt: skip
_EXTRA_HEADERS = b"xLK"  # about the next member
_WITHOUT_DATA = b"123456"
_IGNORED = b"5gVMDNA"  # folders, global headers, volume labels, lists of names


@dataclass(slots=True)
class _ExtraAttributes:
    """What extra headers say about the next member; None: nothing."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False


def members(stream: Stream, budget: InputBudget) -> Iterator[Member]:
    """In the archive's order; raises InputRefused where the archive itself cannot be read on."""
    attributes = _ExtraAttributes()
    while (header := _next_header(stream)) is not None:
        budget.check_time()
        kind = header[156:157]
        size = attributes.size if attributes.size is not None else _header_number(header[124:136])
        size = (
            0 if kind in _WITHOUT_DATA else size
        )  # links and devices have none, whatever their header states
        content = SizedStream(stream, size)
        padding = -size % _BLOCK
        if kind in _EXTRA_HEADERS:
            _read_extra_header(attributes, kind, content)
        else:
            if kind not in _IGNORED:
                yield _member(
                    attributes.name or _header_name(header),
                    kind,
                    content,
                    stream,
                    header,
                    sparse=attributes.sparse,
                )
            attributes = _ExtraAttributes()
        read_to_end(content)
        _read_exactly(stream, padding)


def _next_header(stream: Stream) -> bytes | None:
    """The next header; None at the end: an empty block, or the end of the stream behind a whole member."""
    block = _read_exactly(stream, _BLOCK, may_end=True)
    if not block or not block.strip(b"\0"):
        return None
    if not is_tar_header(block):
        raise InputDamaged("a header's checksum is wrong, so it is not known where the next member begins")
    return block


def _read_exactly(stream: Stream, size: int, *, may_end: bool = False) -> bytes:
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    if len(data) < size and not (may_end and not data):
        raise InputTruncated("the archive ends in the middle of a member")
    return data


def _header_number(written: bytes) -> int:
    if written[0] in (0x80, 0xFF):  # GNU: binary, with a sign
        number = int.from_bytes(written[1:], "big")
        if written[0] == 0x80:
            return number
        raise InputDamaged("a header states a negative size")
    try:
        return int(written.strip(b" \0") or b"0", 8)
    except ValueError:
        raise InputDamaged("a header states a size that is not a number") from None


def _header_name(header: bytes) -> bytes:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix and header[257:262] == b"ustar" else name


def _read_extra_header(attributes: _ExtraAttributes, kind: bytes, content: SizedStream) -> None:
    if content.bytes_left > EXTRA_LIMIT:
        raise InputDamaged(f"an extra header has {content.bytes_left} bytes; the limit is {EXTRA_LIMIT}")
    text = _read_exactly(content, content.bytes_left)
    if kind == b"L":
        attributes.name = text.partition(b"\0")[0]
    elif kind == b"x":
        for key, value in _pax_records(text):
            _read_pax_record(attributes, key, value)


def _read_pax_record(attributes: _ExtraAttributes, key: bytes, value: bytes) -> None:
    if key == b"path":
        attributes.name = value
    elif key == b"size" and value.isdigit() and len(value) < 20:
        attributes.size = int(value)
    elif key.startswith(b"GNU.sparse."):
        attributes.sparse = True


def _pax_records(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    r"""The records of a pax header, `LENGTH KEY=VALUE\n`, up to the first one of another form."""
    at = 0
    while at < len(text):
        length, _, _ = text[at : at + 20].partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(text) - at:
            return
        key, separator, value = text[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if separator:
            yield key, value
        at += int(length)


def _member(
    name: bytes, kind: bytes, content: SizedStream, stream: Stream, header: bytes, *, sparse: bool
) -> Member:
    if kind in _SPECIAL:
        return Member(name, InputSpecial(f"it is {_SPECIAL[kind]}, which is not followed"))
    if kind == b"S" or sparse:
        if kind == b"S":
            _skip_hole_lists(stream, header)
        return Member(
            name, InputUnsupported("it is a sparse file, which is not read; unpack it with tar first")
        )
    return Member(name, content)  # POSIX: a member of an unknown kind is read as a file


def _skip_hole_lists(stream: Stream, header: bytes) -> None:
    """Skip further headers that list holes; byte 504 of each says whether another one follows."""
    more = header[482]
    while more:
        more = _read_exactly(stream, _BLOCK)[504]
