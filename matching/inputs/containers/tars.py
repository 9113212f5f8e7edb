"""tar, read as a stream: one header of 512 bytes before each member. Old, ustar, GNU and pax headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from matching.errors import InputDamaged, InputSpecial, InputTruncated, InputUnsupported
from matching.inputs.containers.magic import is_tar_header
from matching.inputs.containers.member import Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import Sized, Stream, drained

_BLOCK = 512
#: Bytes of a header that says something about the next member; names are what stands there.
EXTRA_LIMIT = 1 << 20
_SPECIAL = {
    b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe",
}  # fmt: skip
_ABOUT_NEXT = b"xLK"
_WITHOUT_DATA = b"123456"
_IGNORED = b"5gVMDNA"  # folders, global headers, volume labels, lists of names


@dataclass(slots=True)
class _Said:
    """What headers before a member say about it."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False
    extra: dict[bytes, bytes] = field(default_factory=dict)


def members(stream: Stream, budget: InputBudget) -> Iterator[Member]:
    """In the archive's order; raises InputRefused where the archive itself cannot be read on."""
    said = _Said()
    while (header := _header(stream)) is not None:
        budget.on_time()
        kind = header[156:157]
        size = said.size if said.size is not None else _number(header[124:136])
        size = 0 if kind in _WITHOUT_DATA else size  # whatever its header says
        content = Sized(stream, size)
        padding = -size % _BLOCK
        if kind in _ABOUT_NEXT:
            _learn(said, kind, content)
        else:
            if kind not in _IGNORED:
                yield _member(said.name or _name(header), kind, content, stream, header, sparse=said.sparse)
            said = _Said()
        drained(content)
        _exactly(stream, padding)


def _header(stream: Stream) -> bytes | None:
    """None: the end, by its two empty blocks or by that of the stream behind a whole member."""
    block = _exactly(stream, _BLOCK, may_end=True)
    if not block or not block.strip(b"\0"):
        return None
    if not is_tar_header(block):
        raise InputDamaged("a header's checksum is wrong, so that where the next member begins is not known")
    return block


def _exactly(stream: Stream, size: int, *, may_end: bool = False) -> bytes:
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    if len(data) < size and not (may_end and not data):
        raise InputTruncated("it ends in the middle of a member")
    return data


def _number(written: bytes) -> int:
    if written[0] in (0x80, 0xFF):  # GNU: binary, with a sign
        number = int.from_bytes(written[1:], "big")
        if written[0] == 0x80:
            return number
        raise InputDamaged("a header says a negative size")
    try:
        return int(written.strip(b" \0") or b"0", 8)
    except ValueError:
        raise InputDamaged("a header says a size that is no number") from None


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix and header[257:262] == b"ustar" else name


def _learn(said: _Said, kind: bytes, content: Sized) -> None:
    if content.left > EXTRA_LIMIT:
        raise InputDamaged(f"a header has {content.left} bytes about one name; {EXTRA_LIMIT} are read")
    text = _exactly(content, content.left)
    if kind == b"L":
        said.name = text.partition(b"\0")[0]
    elif kind == b"x":
        for key, value in _records(text):
            _learn_record(said, key, value)


def _learn_record(said: _Said, key: bytes, value: bytes) -> None:
    if key == b"path":
        said.name = value
    elif key == b"size" and value.isdigit() and len(value) < 20:
        said.size = int(value)
    elif key.startswith(b"GNU.sparse."):
        said.sparse = True


def _records(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    r"""pax: `LENGTH KEY=VALUE\n`; what is none ends it."""
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
    name: bytes, kind: bytes, content: Sized, stream: Stream, header: bytes, *, sparse: bool
) -> Member:
    if kind in _SPECIAL:
        return Member(name, InputSpecial(f"it is {_SPECIAL[kind]}, which is not followed"))
    if kind == b"S" or sparse:
        if kind == b"S":
            _skip_maps(stream, header)
        return Member(name, InputUnsupported("it is stored with its holes left out (sparse)"))
    return Member(name, content)  # POSIX: an unknown kind is read as a file


def _skip_maps(stream: Stream, header: bytes) -> None:
    """Further headers that list holes; each says at its place 504 whether another one follows."""
    more = header[482]
    while more:
        more = _exactly(stream, _BLOCK)[504]
