"""Where bytes come from: a file, which can be read at any place, or a stream, which comes once.

Both are read through a `Window`: bytes can be looked at before they are taken. Memory is what is looked at.
Files are read with pread, not mapped: a mapped file that becomes shorter ends the process.
"""

from __future__ import annotations

import os
import tempfile
from typing import Protocol

from matching.errors import InputRefused, InputTooLarge, InputTruncated, InputUnreadable
from matching.inputs.limits import InputBudget

CHUNK = 1 << 16


class Stream(Protocol):
    """Bytes that come once."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end; raises InputRefused."""


class File:
    """An open file that can be read at any place."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor

    def at(self, place: int, size: int) -> bytes:
        """`size` bytes from `place` on, fewer only at the end; raises InputUnreadable."""
        try:
            data = os.pread(self._descriptor, max(0, size), place)
            while 0 < len(data) < size and (
                more := os.pread(self._descriptor, size - len(data), place + len(data))
            ):
                data += more
        except (OSError, OverflowError) as error:
            raise InputUnreadable(f"it cannot be read on: {_words(error)}") from None
        return data

    def exactly(self, place: int, size: int) -> bytes:
        """The same, but raises InputTruncated where the file ends before."""
        data = self.at(place, size)
        if len(data) < size:
            raise InputTruncated(f"it ends after {self.size} bytes, in the middle of a header")
        return data


class FilePart:
    """A stretch of a file as a stream."""

    def __init__(self, file: File, start: int, end: int) -> None:
        self._file, self._at, self._end = file, start, end

    def read(self, size: int, /) -> bytes:
        data = self._file.at(self._at, min(size, self._end - self._at))
        self._at += len(data)
        return data


class Sized:
    """The next `size` bytes of a stream as one of their own; raises InputTruncated where there are fewer."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self.left = stream, size

    def read(self, size: int, /) -> bytes:
        if not self.left:
            return b""
        data = self._stream.read(min(size, self.left))
        if not data:
            raise InputTruncated(f"{self.left} bytes are missing at its end")
        self.left -= len(data)
        return data


class Window(Protocol):
    """Bytes that can be looked at before they are taken."""

    position: int  # bytes taken

    @property
    def file(self) -> File | None:
        """The file behind it, whole, if there is one."""

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end; what follows a failure raises its InputRefused, and
        what came before it does not.
        """

    def skip(self, size: int) -> None:
        """Take what was looked at."""

    def read(self, size: int, /) -> bytes:
        """Look and take."""


class FileWindow:
    """A window on a file."""

    def __init__(self, file: File) -> None:
        self.file: File | None = file
        self.position = 0
        self._file = file

    def peek(self, size: int) -> bytes:
        return self._file.at(self.position, size)

    def skip(self, size: int) -> None:
        self.position += size

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
        self._ahead = bytearray()
        self._error: InputRefused | None = None
        self._ended = False

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size and not self._ended:
            self._more(max(CHUNK, size - len(self._ahead)))
        if self._error is not None and not self._ahead and size:
            raise self._error
        return bytes(memoryview(self._ahead)[:size])

    def _more(self, size: int) -> None:
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
    """A stream kept aside in a file without a name, so that it can be read at any place.

    The file has no name from its first byte on (`O_TMPFILE`, or unlinked at once), and its mode is 0600:
    whatever ends the process, nothing of it is left in any folder.
    """

    def __init__(self, window: Window, budget: InputBudget) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.error: InputRefused | None = None  # what the stream ended with
        size = 0
        try:
            while data := window.read(1 << 20):
                size += len(data)
                if size > budget.limits.spool_bytes:
                    raise InputTooLarge(
                        f"it must be kept aside to be read; {budget.limits.spool_bytes} bytes of it were"
                    )
                self._kept.write(data)
                budget.on_time()
            self._kept.flush()
        except InputRefused as error:
            self.error = error
            self._kept.flush()
        except OSError as error:
            self._kept.close()
            raise InputUnreadable(
                f"it must be kept aside to be read, and could not: {_words(error)}"
            ) from None
        self.file = File(self._kept.fileno(), size)

    def close(self) -> None:
        self._kept.close()


def drained(stream: Stream) -> None:
    """Read to the end."""
    while stream.read(1 << 18):
        pass


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
