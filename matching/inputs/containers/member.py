"""A file inside a container."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from matching.errors import InputDamaged, InputRefused
from matching.inputs.streams import Stream


@dataclass(frozen=True, slots=True)
class Member:
    """`content` can be read until the next member is asked for; an InputRefused says why it cannot."""

    name: bytes | str  # as stored: bytes where the container does not say in which charset
    content: Stream | InputRefused


class CheckedStream:
    """A member's content. At its end, size and checksum are compared with those of the header.

    The content is returned before that: what was read counts even if the checksum is wrong.
    """

    def __init__(self, stream: Stream, *, size: int | None, crc: int | None) -> None:
        self._stream, self._size, self._crc = stream, size, crc
        self._read, self._sum, self._done = 0, 0, False

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        if self._crc is not None:
            self._sum = zlib.crc32(data, self._sum)
        if not data and not self._done:
            self._done = True
            self._compare()
        return data

    def _compare(self) -> None:
        if self._size is not None and self._read != self._size:
            raise InputDamaged(f"its header says {self._size} bytes, and {self._read} were unpacked")
        if self._crc is not None and self._sum != self._crc:
            raise InputDamaged("its checksum does not match its content")
