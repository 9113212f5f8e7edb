"""Compressed responses: undone within the same limit of bytes as what was received."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import brotli
from backports import zstd
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.errors import BadEncoding, DecompressedTooLarge
from crawler.fetching.guard import MAX_ENCODINGS, host_of

GZIP_MAGIC = b"\x1f\x8b"
CHECKSUM_BYTES = 8

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response


#: In the meta of a request whose compressed response ended before its end.
CUT = "spillwatch_cut"


def is_cut(body: bytes, encoding: bytes) -> bool:
    """Return whether a compressed body ends before its last block, so that Scrapy gives only its beginning.

    A gzip stream that lacks only its checksum is whole: some servers leave that out. Of two layers only the
    outer one is looked at.
    """
    coding = encoding.rpartition(b",")[2].strip().lower()
    if not body:
        return False
    if coding == b"br":
        decompressor = brotli.Decompressor()
        decompressor.process(body)
        return not decompressor.is_finished()
    if coding == b"zstd":
        frames = zstd.ZstdDecompressor()
        frames.decompress(body)
        return not frames.eof
    if coding in (b"gzip", b"x-gzip") and body[:2] == GZIP_MAGIC:
        return not _is_whole_gzip(body)
    return False


def _is_whole_gzip(body: bytes) -> bool:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        stream.decompress(body)
        # A checksum of zeros behind the last block is wrong, and zlib says so.
        stream.decompress(bytes(CHECKSUM_BYTES))
    except zlib.error as error:
        return "check" in str(error)
    return stream.eof


class Decompression(HttpCompressionMiddleware):
    """Scrapy's middleware for gzip, deflate, br and zstd, which raises our errors."""

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        layers = b",".join(response.headers.getlist("Content-Encoding")).count(b",") + 1
        if layers > MAX_ENCODINGS:
            raise BadEncoding(
                f"{host_of(request)} compressed its response {layers} times; at most {MAX_ENCODINGS} layers "
                "are decompressed."
            )
        # Scrapy takes the header away. A retry is a copy of a request.
        coding = response.headers.get("Content-Encoding") or b""
        request.meta.pop(CUT, None)
        try:
            decompressed = super().process_response(request, response)
            if is_cut(response.body, coding):
                request.meta[CUT] = True
            return decompressed
        except IgnoreRequest as error:
            raise DecompressedTooLarge(
                f"{host_of(request)} sent {len(response.body)} bytes that decompress to more than the limit."
            ) from error
        except MemoryError:
            raise
        except Exception as error:
            # Each codec has errors of its own (zlib.error, EOFError, brotli.error, ZstdError, ...).
            raise BadEncoding(f"{host_of(request)} sent a response that cannot be decompressed.") from error
