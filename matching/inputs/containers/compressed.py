"""gzip, xz, bzip2, zstd: one file each, in one or more streams. Also the bare methods that archives use.

The modules of Python's own library (and its zstd, as a package before 3.14) take input in small steps and
give out at most what is asked for: neither a bomb nor a lie about sizes needs memory. What a decompressor may
need by itself is bounded by `MEMORY`.
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

#: Bytes that a dictionary may have: `xz -9` needs 65 MB, `zstd --long` 128 MB.
MEMORY = 1 << 27
#: Bytes of input at a time. When a decompressor fails, what came of the last step is lost.
_STEP = 1 << 14
_FAILURES = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, ZstdError)


class Decompressor(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Deflate:
    """zlib with the manners of the others."""

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
        if one.get("dict_size", 0) > MEMORY:
            raise InputTooLarge(f"it needs {one['dict_size']} bytes of memory to be unpacked")
    return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters)


def zstd() -> Decompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: MEMORY.bit_length() - 1})


MAKERS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: Deflate(31),
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY),
    "bzip2": bz2.BZ2Decompressor,
    "zstd": zstd,
}


class Unpacked:
    """What comes out of a compressed stream; raises InputTruncated, InputDamaged, InputTooLarge."""

    def __init__(
        self, stream: Stream, make: Callable[[], Decompressor], budget: InputBudget, *, many: bool = True
    ) -> None:
        """`many`: further streams may follow the first one."""
        self._stream, self._make, self._budget, self._many = stream, make, budget, many
        self._ahead = b""
        self._decompressor: Decompressor | None = None
        self._first = True
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            if self._decompressor is None and not self._begun():
                break
            if data := self._step(size):
                self._budget.unpacked(len(data))
                return data
            self._budget.on_time()
        return b""

    def _begun(self) -> bool:
        """Begin the next stream; False: nothing follows but zeros, which pad tapes."""
        self._ahead = self._ahead or self._stream.read(_STEP)
        while not self._first and self._ahead and not self._ahead.strip(b"\0"):
            self._ahead = self._stream.read(_STEP)
        if not self._ahead or (not self._first and not self._many):
            self._ended = True
            if self._first:
                raise InputTruncated("it has no content")
            return False
        self._decompressor = self._make()
        return True

    def _step(self, size: int) -> bytes:
        decompressor = self._decompressor
        assert decompressor is not None  # _begun made one
        data = b""
        if decompressor.needs_input:
            data = self._ahead or self._stream.read(_STEP)
            self._ahead = b""
            if not data:
                self._ended = True
                raise InputTruncated("its end is missing")
        try:
            out = decompressor.decompress(data, size)
        except _FAILURES as error:
            self._ended = True
            raise self._refusal(error) from None
        except MemoryError:
            self._ended = True
            raise InputTooLarge("it needs more memory to be unpacked than there is") from None
        if decompressor.eof:
            self._ahead, self._decompressor, self._first = decompressor.unused_data, None, False
        return out

    def _refusal(self, error: Exception) -> Exception:
        words = str(error)
        if "emory" in words or "window" in words.lower():
            return InputTooLarge(f"it needs more than {MEMORY} bytes of memory to be unpacked")
        if not self._first:
            return InputDamaged("something else follows its end")
        return InputDamaged("it is damaged, and cannot be unpacked further")
