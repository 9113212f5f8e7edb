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
from collections.abc import Callable
from typing import Protocol

from matching.errors import InputDamaged, InputTooLarge, InputTruncated
from matching.inputs.limits import InputBudget
from matching.inputs.streams import Stream

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

#: Bytes of a dictionary at most: `xz -9` needs 65 MB, `zstd --long` 128 MB.
MEMORY_LIMIT = 1 << 27
#: Bytes of input at a time. When a decompressor fails, the output of its last step is lost, so it is small.
_STEP = 1 << 14
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

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            if self._decompressor is None and not self._begin_stream():
                break
            if data := self._decompress(size):
                self._budget.count_output(len(data))
                return data
            self._budget.check_time()
        return b""

    def _begin_stream(self) -> bool:
        """Begin the next compressed stream; False if nothing follows but zeros, which pad tapes."""
        self._ahead = self._ahead or self._stream.read(_STEP)
        while not self._first and self._ahead and not self._ahead.strip(b"\0"):
            self._ahead = self._stream.read(_STEP)
        if not self._ahead or (not self._first and not self._several):
            self._ended = True
            if self._first:
                raise InputTruncated("it is empty")
            return False
        self._decompressor = self._make()
        return True

    def _decompress(self, size: int) -> bytes:
        decompressor = self._decompressor
        assert decompressor is not None  # made by _begin_stream
        data = b""
        if decompressor.needs_input:
            data = self._ahead or self._stream.read(_STEP)
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
