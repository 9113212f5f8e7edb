"""gzip, xz, bzip2, zstd: one file each, in one or more streams. Also the bare methods that archives use.

The modules of Python's own library (and its zstd, as a package before 3.14) take input in small steps and
return at most as much as is asked for: neither a bomb nor a wrong size needs memory. The memory that a
decompressor needs for itself is bounded by `MEMORY_LIMIT`.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from matching.errors import InputDamaged, InputTooLarge, InputTruncated
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, FileStream, Stream, StreamWindow

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

#: Bytes of a dictionary at most: `xz -9` needs 65 MB, `zstd --long` 128 MB.
MEMORY_LIMIT = 1 << 27
#: Bytes of input at a time. When a decompressor fails, the output of its last step is lost, so it is small.
_STEP = 1 << 14
_SKIP_BYTES = 1 << 20
#: Bytes of content from one kept frame to the next: bgzip begins one every 64 KB.
FRAME_STEP = 1 << 20
_FAILURES = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, ZstdError)


class Decompressor(Protocol):
    """The interface that bz2, lzma and zstd share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Deflate:
    """zlib with the interface of the others."""

    def __init__(self, bits: int) -> None:
        """`bits`: 31 for gzip, -15 for bare deflate."""
        self._zlib = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def bare_lzma(filters: list[dict[str, int]]) -> Decompressor:
    """LZMA and its filters without a header of their own; raises InputTooLarge for a large dictionary."""
    for one in filters:
        if one.get("dict_size", 0) > MEMORY_LIMIT:
            raise InputTooLarge(
                f"unpacking it needs {one['dict_size']} bytes of memory; the limit is {MEMORY_LIMIT}"
            )
    return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters)


def _zstd() -> Decompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: MEMORY_LIMIT.bit_length() - 1})


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: Deflate(31),
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT),
    "bzip2": bz2.BZ2Decompressor,
    "zstd": _zstd,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A place of a compressed file at which unpacking can begin, and the place in the content."""

    packed: int = 0
    unpacked: int = 0


class UnpackedStream:
    """The content of a compressed stream; raises InputTruncated, InputDamaged, InputTooLarge."""

    def __init__(
        self, stream: Stream, make: Callable[[], Decompressor], budget: InputBudget, *, several: bool = True
    ) -> None:
        """`several`: further streams may follow the first one, as in files that were concatenated."""
        self._stream, self._make, self._budget, self._several = stream, make, budget, several
        self._ahead = b""
        self._decompressor: Decompressor | None = None
        self._first = True
        self._ended = False
        self._taken = 0  # bytes of the compressed stream
        self._given = 0  # bytes of the content
        #: Places at which unpacking can begin, at least FRAME_STEP apart. None where nothing is kept.
        self.frames: list[Frame] | None = None

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            if self._decompressor is None and not self._begin_stream():
                break
            if data := self._decompress(size):
                self._budget.count_output(len(data))
                self._given += len(data)
                return data
            self._budget.check_time()
        return b""

    def _begin_stream(self) -> bool:
        """Begin the next compressed stream; False if nothing follows but zeros, which pad tapes."""
        self._ahead = self._ahead or self._take()
        while not self._first and self._ahead and not self._ahead.strip(b"\0"):
            self._ahead = self._take()
        if not self._ahead or (not self._first and not self._several):
            self._ended = True
            if self._first:
                raise InputTruncated("it is empty")
            return False
        self._decompressor = self._make()
        self._keep_frame()
        return True

    def _take(self) -> bytes:
        data = self._stream.read(_STEP)
        self._taken += len(data)
        return data

    def _keep_frame(self) -> None:
        if self.frames is not None and self._given >= self.frames[-1].unpacked + FRAME_STEP:
            self.frames.append(Frame(self._taken - len(self._ahead), self._given))

    def _decompress(self, size: int) -> bytes:
        decompressor = self._decompressor
        assert decompressor is not None  # made by _begin_stream
        data = b""
        if decompressor.needs_input:
            data = self._ahead or self._take()
            self._ahead = b""
            if not data:
                self._ended = True
                raise InputTruncated("the compressed data ends too early")
        try:
            out = decompressor.decompress(data, size)
        except _FAILURES as error:
            self._ended = True
            raise self._refusal(error) from None
        except MemoryError:
            self._ended = True
            raise InputTooLarge("unpacking it needs more memory than is free") from None
        if decompressor.eof:
            self._ahead, self._decompressor, self._first = decompressor.unused_data, None, False
        return out

    def _refusal(self, error: Exception) -> Exception:
        words = str(error)  # the libraries have no error of its own for a dictionary that is too large
        if "emory" in words or "window" in words.lower():
            return InputTooLarge(
                f"unpacking it needs more than {MEMORY_LIMIT} bytes of memory, which is the limit"
            )
        if not self._first:
            return InputDamaged("other data follows the end of the compressed data")
        return InputDamaged("the compressed data is damaged and cannot be unpacked further")


class FramedWindow(StreamWindow):
    """A window on the content of a compressed file, which can go on at any frame: zstd has them, and bgzip.

    So do files that were compressed in parts and concatenated, by any of these programs.
    """

    def __init__(self, file: File, make: Callable[[], Decompressor], budget: InputBudget) -> None:
        self._packed, self._make, self._budget = file, make, budget
        self._unpacked = self._from(Frame())
        self._unpacked.frames = [Frame()]
        super().__init__(self._unpacked)

    def frame_before(self, position: int) -> Frame:
        """Return the last frame that begins before a place of the content that was read, or at it."""
        frames = self._unpacked.frames or [Frame()]
        return frames[bisect_right(frames, position, key=lambda frame: frame.unpacked) - 1]

    def go_to(self, position: int, frame: Frame) -> None:
        """Go on at a place of the content, behind the beginning of a frame."""
        self._restart(self._from(frame), frame.unpacked)
        while self.position < position and (data := self.peek(min(_SKIP_BYTES, position - self.position))):
            self.skip(len(data))

    def _from(self, frame: Frame) -> UnpackedStream:
        part = FileStream(self._packed, frame.packed, self._packed.size)
        return UnpackedStream(part, self._make, self._budget)
