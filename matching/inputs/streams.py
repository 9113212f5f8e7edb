"""Where bytes come from: a file, which can be read at any place, or a stream, which can be read once.

Both are read through a `Window`: bytes can be looked at before they are taken, because a container, a charset
and a format are recognised by bytes that their reader needs too. Memory holds only the bytes looked at.

Files are read with pread and not mapped: if a mapped file becomes shorter while it is read, the kernel ends
the process with SIGBUS. pread also has no position of its own, so that readers of one archive's members do
not disturb one another.
"""

from __future__ import annotations

import os
import tempfile
from typing import Protocol

from matching.errors import InputRefused, InputTooLarge, InputTruncated, InputUnreadable
from matching.inputs.limits import InputBudget

_CHUNK_BYTES = 1 << 16
_SPOOL_STEP_BYTES = 1 << 20
_DISCARD_BYTES = 1 << 18


class Stream(Protocol):
    """Bytes that can be read once."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, empty only at the end; raises InputRefused."""


class File:
    """An open file that can be read at any place."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self.descriptor = descriptor

    def read_at(self, place: int, size: int) -> bytes:
        """`size` bytes from `place` on, fewer only at the end; raises InputUnreadable."""
        try:
            data = os.pread(self.descriptor, max(0, size), place)
            # pread may return less than was asked for: 2 GiB at most, and less on network file systems.
            while 0 < len(data) < size and (
                more := os.pread(self.descriptor, size - len(data), place + len(data))
            ):
                data += more
        except (OSError, OverflowError) as error:  # OverflowError: a directory names a place beyond 2**63
            raise InputUnreadable(f"reading failed at byte {place}: {_error_text(error)}") from None
        return data

    def read_exactly(self, place: int, size: int) -> bytes:
        """The same, but raises InputTruncated where the file ends before."""
        data = self.read_at(place, size)
        if len(data) < size:
            raise InputTruncated(f"the data ends after {self.size} bytes, in the middle of a header")
        return data


class FileStream:
    """A stretch of a file as a stream."""

    def __init__(self, file: File, start: int, end: int) -> None:
        self._file, self._at, self._end = file, start, end

    def read(self, size: int, /) -> bytes:
        data = self._file.read_at(self._at, min(size, self._end - self._at))
        self._at += len(data)
        return data


class SizedStream:
    """The next `size` bytes of a stream as a stream; raises InputTruncated if there are fewer."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self.bytes_left = stream, size

    def read(self, size: int, /) -> bytes:
        if not self.bytes_left:
            return b""
        data = self._stream.read(min(size, self.bytes_left))
        if not data:
            raise InputTruncated(f"{self.bytes_left} bytes are missing at the end")
        self.bytes_left -= len(data)
        return data


class Window(Protocol):
    """Bytes that can be looked at before they are taken."""

    position: int  # bytes taken

    @property
    def file(self) -> File | None:
        """The whole file behind it, if there is one."""

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end.

        Where the source fails, the bytes before the failure are returned first; once they are taken, the next
        call raises the source's InputRefused.
        """

    def skip(self, size: int) -> None:
        """Take bytes that were looked at."""

    def read(self, size: int, /) -> bytes:
        """Look at bytes and take them."""


class FileWindow:
    """A window on a file."""

    def __init__(self, file: File) -> None:
        self.file: File | None = file
        self.position = 0
        self._file = file

    def peek(self, size: int) -> bytes:
        return self._file.read_at(self.position, size)

    def skip(self, size: int) -> None:
        self.position += size

    def go_to(self, position: int) -> None:
        """Go on at a place of the file."""
        self.position = position

    def read(self, size: int, /) -> bytes:
        data = self.peek(size)
        self.position += len(data)
        return data


class StreamWindow:
    """A window on a stream."""

    file: File | None = None

    def __init__(self, stream: Stream) -> None:
        self.position = 0
        self._stream = stream
        # A bytearray: taking bytes from its front moves its start instead of copying the rest.
        self._ahead = bytearray()
        # A failure is kept until everything before it is taken: rows before the damage still count.
        self._error: InputRefused | None = None
        self._ended = False

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size and not self._ended:
            self._read_ahead(max(_CHUNK_BYTES, size - len(self._ahead)))
        if self._error is not None and not self._ahead and size:
            raise self._error
        return bytes(memoryview(self._ahead)[:size])

    def _restart(self, stream: Stream, position: int) -> None:
        """Go on with another stream, which begins at this position."""
        self._stream, self.position = stream, position
        self._ahead.clear()
        self._error, self._ended = None, False

    def _read_ahead(self, size: int) -> None:
        try:
            data = self._stream.read(size)
        except InputRefused as error:
            self._error, data = error, b""
        self._ended = not data
        self._ahead += data

    def skip(self, size: int) -> None:
        del self._ahead[:size]
        self.position += size

    def read(self, size: int, /) -> bytes:
        data = self.peek(size)
        self.skip(len(data))
        return data


class Spool:
    """A temporary copy of a stream, so that it can be read at any place: zip and 7z are read from their end.

    The file has no name from its first byte on (`O_TMPFILE`, or unlinked at once), and mode 0600:
    nothing of it stays in any folder, whatever ends the process.
    """

    def __init__(self, window: Window, budget: InputBudget) -> None:
        self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        # Why the copy is not whole. A zip that is cut can still be read by its members' headers, so this is
        # raised only after that.
        self.error: InputRefused | None = None
        size = 0
        try:
            while data := window.read(_SPOOL_STEP_BYTES):
                size += len(data)
                if size > budget.limits.spool_bytes:
                    raise InputTooLarge(
                        f"a temporary copy of it is needed, and is limited to {budget.limits.spool_bytes} "
                        "bytes; unpack it yourself and name the files"
                    )
                self._copy.write(data)
                budget.check_time()
            self._copy.flush()
        except InputRefused as error:
            self.error = error
            self._copy.flush()
        except OSError as error:
            self._copy.close()
            raise InputUnreadable(
                f"a temporary copy of it is needed and could not be written to {tempfile.gettempdir()}: "
                f"{_error_text(error)}; make room there, or name another folder with TMPDIR"
            ) from None
        self.file = File(self._copy.fileno(), size)

    def close(self) -> None:
        self._copy.close()


def read_to_end(stream: Stream) -> None:
    """Read and forget the rest."""
    while stream.read(_DISCARD_BYTES):
        pass


def _error_text(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
