"""How much of a text is no text but a program, a picture, packed or encrypted data without a known signature.

28 of 256 random bytes are control characters that text does not need. Texts with some of them use few kinds:
0x01 to 0x03 part the cells of Hive, 0x1C to 0x1F those of MARC, null bytes end names, 0x08 strikes a letter
over, 0x0E and 0x0F change the set of ISO-2022. So 64 KB are no text if at least 5% are such characters, of
at least five kinds, and there is a null byte among them: dumps of MySQL hold binary cells, but escape null
bytes. Fewer than 2 KB may be random without a null byte.

A file of less than 256 bytes has too few of them. It is no text if it is not UTF-8, has a control character,
a third of it is such characters and bytes beyond ASCII, and the best charset makes no words of it. A file of
null bytes alone, or of 0xFF alone, is no text either.

4 KB of null bytes in a row are none either, wherever they stand: a download that did not end has them.

RTF and PostScript are text to look at, but their words are divided by marks and codes. They are read, and are
said to be no text.

In UTF-16, a control character is a unit of 16 bits, and characters for private use count too: they are 10% of
random units.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from text.charset import decode_page

_CHUNK = 1 << 16
_NULL_IS_CERTAIN = 1 << 11  # bytes: 2,048 random ones have none once in 3,000 times
_LEAST_BYTES = 32
_SHARE = 0.05
_KINDS = 5

#: Bytes of a file that is looked at as a whole.
SMALL_FILE = 1 << 8
_NOISE_SHARE = 1 / 3
_NOISE_SCORE = 0.45  # of the best charset, at most
_FEWEST_NOISE_BYTES = 8  # fewer may be a word in any charset
_SEPARATORS = (0x01, 0x02, 0x03, 0x1C, 0x1D, 0x1E, 0x1F)

_TEXT_CONTROLS = (0x09, 0x0A, 0x0C, 0x0D, 0x1B)
_IS_CONTROL = np.zeros(256, bool)
_IS_CONTROL[:0x20] = True
_IS_CONTROL[0x7F] = True
_IS_CONTROL[list(_TEXT_CONTROLS)] = False
_HOLE = b"\0" * (1 << 12)  # of a file that was never written there
_HOLES = re.compile(rb"\0{4096,}")
_MARKED = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,16}(?:\{\\rtf\d|\x04?%!PS)")
_PRIVATE_USE = (0xE000, 0xF8FF)


def size_without_text(raw: bytes, charset: str) -> int:
    """Return the number of bytes that are no text: of chunks of 64 KB, or of holes."""
    found = _size_of_chunks(raw, charset)
    return found or (sum(len(match[0]) for match in _HOLES.finditer(raw)) if _HOLE in raw else 0)


def _size_of_chunks(raw: bytes, charset: str) -> int:
    if charset in ("utf-16-le", "utf-16-be"):
        kind = "<u2" if charset == "utf-16-le" else ">u2"
        return sum(
            len(chunk)
            for chunk in _chunks(raw)
            if _is_no_utf_16(np.frombuffer(chunk[: len(chunk) & ~1], kind))
        )
    needs_null = len(raw) >= _NULL_IS_CERTAIN
    if charset.startswith("utf-32") or (needs_null and b"\0" not in raw):
        return 0
    return sum(len(chunk) for chunk in _chunks(raw) if _is_no_text(chunk, needs_null=needs_null))


def is_noise(raw: bytes) -> bool:
    """Whether a whole small file is random, packed or encrypted bytes."""
    if len(raw) < _FEWEST_NOISE_BYTES or len(raw) >= SMALL_FILE or _is_utf_8(raw):
        return False
    counts = np.bincount(np.frombuffer(raw, np.uint8), minlength=256)
    controls = int(counts[_IS_CONTROL].sum()) - int(counts[list(_SEPARATORS)].sum())
    if not controls or controls + int(counts[0x80:].sum()) < _NOISE_SHARE * len(raw):
        return False
    return decode_page(raw).score <= _NOISE_SCORE


def is_marked(head: bytes) -> bool:
    """Whether a file begins as RTF or PostScript."""
    return _MARKED.match(head) is not None


def is_blank(raw: bytes) -> bool:
    """Whether there are only null bytes, or only 0xFF, as on a disk that was never written."""
    return not raw.strip(b"\0") or not raw.strip(b"\xff")


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _chunks(raw: bytes) -> list[bytes]:
    return [raw[at : at + _CHUNK] for at in range(0, len(raw), _CHUNK)]


def _is_no_text(chunk: bytes, *, needs_null: bool) -> bool:
    if len(chunk) < _LEAST_BYTES or (needs_null and b"\0" not in chunk):
        return False
    return _too_many_controls(np.bincount(np.frombuffer(chunk, np.uint8), minlength=256), len(chunk))


def _is_no_utf_16(units: NDArray[np.uint16]) -> bool:
    if len(units) < _LEAST_BYTES:
        return False
    private = np.count_nonzero((units >= _PRIVATE_USE[0]) & (units <= _PRIVATE_USE[1]))
    low = np.bincount(units[units < 256], minlength=256)
    return bool(private >= _SHARE * len(units)) or _too_many_controls(low, len(units))


def _too_many_controls(counts: NDArray[np.intp], size: int) -> bool:
    controls = counts[_IS_CONTROL]
    return bool(controls.sum() >= _SHARE * size and np.count_nonzero(controls) >= _KINDS)
