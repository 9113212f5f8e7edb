"""Compressed responses: undone within the same limit of bytes as what was received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.errors import BadEncoding, DecompressedTooLarge
from crawler.fetching.guard import MAX_ENCODINGS, host_of

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response


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
        try:
            return super().process_response(request, response)
        except IgnoreRequest as error:
            raise DecompressedTooLarge(
                f"{host_of(request)} sent {len(response.body)} bytes that decompress to more than the limit."
            ) from error
        except MemoryError:
            raise
        except Exception as error:
            # Each codec has errors of its own (zlib.error, EOFError, brotli.error, ZstdError, ...).
            raise BadEncoding(f"{host_of(request)} sent a response that cannot be decompressed.") from error
