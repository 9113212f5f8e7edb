"""Segments of format 1, as released first: still read, and written anew in format 2 when they are imported.

    magic (8 bytes)  header length (4, little endian)  header (JSON, ASCII)
    for each field of the header: hi (8 n bytes)  lo (8 n)
    for each field of the header: ordinals (4 n)
    SHA-256 of everything before (32)

Such a file begins a series whose id is the beginning of its digest. It is read into memory whole, 16 bytes a
fingerprint.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from matching.fingerprints.segments.build import in_order
from matching.fingerprints.segments.format import (
    DIGEST_SIZE,
    RECORD,
    VERSION,
    Records,
    SegmentHeader,
    check_size,
    damaged,
    header_unreadable,
)
from matching.identifiers import Field

_ENTRY_SIZE = 20
_CHUNK = 1 << 20


def read(
    stream: BinaryIO, stated: Mapping[str, Any], start: int, path: Path
) -> tuple[SegmentHeader, dict[Field, Records], str]:
    """Header and records as format 2 has them, and the file's SHA-256; the whole file is checked."""
    header = _translated(stated, path)
    check_size(
        os.fstat(stream.fileno()).st_size, start + _ENTRY_SIZE * header.fingerprints + DIGEST_SIZE, path
    )
    digest = _checked(stream, path)
    header = header.model_copy(update={"series": digest[:32], "id": digest[:32]})
    return header, _records(stream, header, start), digest


def _translated(stated: Mapping[str, Any], path: Path) -> SegmentHeader:
    """`stated` as format 2 would say it; series and id come with the digest."""
    try:
        counts = stated["counts"]
        changed = {
            "version": VERSION,
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
        raise header_unreadable(path) from None


def _checked(stream: BinaryIO, path: Path) -> str:
    """The SHA-256 of the whole file, whose last bytes are that of the rest."""
    checksum = hashlib.sha256()
    left = os.fstat(stream.fileno()).st_size - DIGEST_SIZE
    stream.seek(0)
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        checksum.update(chunk)
        left -= len(chunk)
    stated = stream.read(DIGEST_SIZE)
    if checksum.digest() != stated:
        raise damaged(path, "its checksum is another one")
    checksum.update(stated)
    return checksum.hexdigest()


def _records(stream: BinaryIO, header: SegmentHeader, start: int) -> dict[Field, Records]:
    """Of the fingerprint's second half the first four bytes are kept."""
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
