"""Reads segments of format 1, the first that was released. Importing one writes it anew in format 2.

    magic (8 bytes)  header length (4, little endian)  header (JSON, ASCII)
    for each field of the header: hi (8 n bytes)  lo (8 n)
    for each field of the header: ordinals (4 n)
    SHA-256 of everything before (32)

Such a file begins a series whose id is the first half of the file's SHA-256. It is read into memory whole, 16
bytes per fingerprint.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from matching.fingerprints.segments.format import (
    DIGEST_SIZE,
    PLAIN_VERSION,
    RECORD,
    Records,
    SegmentHeader,
    check_size,
    damaged_segment,
    unreadable_header,
)
from matching.fingerprints.segments.sorting import in_order
from matching.identifiers import Field

_ENTRY_SIZE = 20  # bytes per fingerprint
_CHUNK = 1 << 20


def read_format1(
    stream: BinaryIO, stated: Mapping[str, Any], start: int, path: Path
) -> tuple[SegmentHeader, dict[Field, Records], str]:
    """Check a whole file; return header and records as format 2 has them, and the file's SHA-256 in hex.

    `stated`: the header as JSON; `start`: where the records begin.
    """
    header = _header_of_format2(stated, path)
    check_size(
        os.fstat(stream.fileno()).st_size, start + _ENTRY_SIZE * header.fingerprints + DIGEST_SIZE, path
    )
    digest = _checked_digest(stream, path)
    header = header.model_copy(update={"series": digest[:32], "id": digest[:32]})
    return header, _read_records(stream, header, start), digest


def _header_of_format2(stated: Mapping[str, Any], path: Path) -> SegmentHeader:
    """Translate the header; `series` and `id` are zeros until the digest is known."""
    try:
        counts = stated["counts"]
        changed = {
            "version": PLAIN_VERSION,
            "series": "0" * 32,
            "id": "0" * 32,
            "sequence": 0,
            "previous": None,
            "normalisers": dict.fromkeys(counts, stated["normaliser_version"]),
            "erased": 0,
        }
        rest = {name: value for name, value in stated.items() if name != "normaliser_version"}
        return SegmentHeader.model_validate({**rest, **changed})
    except (KeyError, TypeError, ValidationError):
        raise unreadable_header(path) from None


def _checked_digest(stream: BinaryIO, path: Path) -> str:
    """Return the SHA-256 of the whole file; its last bytes must be the SHA-256 of the rest."""
    checksum = hashlib.sha256()
    left = os.fstat(stream.fileno()).st_size - DIGEST_SIZE
    stream.seek(0)
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        checksum.update(chunk)
        left -= len(chunk)
    stated = stream.read(DIGEST_SIZE)
    if checksum.digest() != stated:
        raise damaged_segment(path, "its content does not match its checksum")
    checksum.update(stated)
    return checksum.hexdigest()


def _read_records(stream: BinaryIO, header: SegmentHeader, start: int) -> dict[Field, Records]:
    """Read the records; of a fingerprint's second half only the first four bytes are kept."""
    found, ordinals_at = {}, start + 16 * header.fingerprints
    for name, count in header.counts.items():
        records = np.empty(count, RECORD)
        stream.seek(start)
        records["hi"] = np.frombuffer(stream.read(8 * count), "<u8")
        records["lo"] = np.frombuffer(stream.read(8 * count), "<u8") >> np.uint64(32)
        stream.seek(ordinals_at)
        records["ordinal"] = np.frombuffer(stream.read(4 * count), "<u4")
        found[name] = in_order(records)
        start += 16 * count
        ordinals_at += 4 * count
    return found
