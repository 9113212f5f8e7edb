"""Compressed bodies that end too early are told from whole ones."""

from __future__ import annotations

import gzip
import random

import brotli
import pytest
from backports import zstd

from crawler.fetching.decompression import is_cut

BODY = b"<html>" + random.Random(1).randbytes(4_000).hex().encode() + b"</html>"
PACKED = {b"gzip": gzip.compress(BODY), b"br": brotli.compress(BODY), b"zstd": zstd.compress(BODY)}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_a_body_that_ends_before_its_last_block_is_cut(coding: bytes, share: float) -> None:
    """Whatever share of it came."""
    packed = PACKED[coding]

    assert is_cut(packed[: int((len(packed) - 8) * share)], coding)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        *((packed, coding) for coding, packed in PACKED.items()),
        (PACKED[b"gzip"][:-8], b"gzip"),
        (PACKED[b"gzip"][:-3], b"x-gzip"),
        (PACKED[b"gzip"] + b"rest", b"gzip"),
        (PACKED[b"gzip"], b"br, gzip"),
        (b"", b"gzip"),
        (BODY, b"gzip"),
        (BODY, b""),
    ],
)
def test_a_whole_body_is_not_cut(body: bytes, coding: bytes) -> None:
    """Also one without its checksum, with something behind it, or that is not packed at all."""
    assert not is_cut(body, coding)
