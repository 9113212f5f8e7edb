"""Pieces of a text, by which responses are recognised that show it: related offers, latest threads, a site
that answers every request with everything.

A piece is compared as letters and digits alone, in lower case, after markup and escapes were undone. Only a
piece counts that no other listing of the source has: a seller's greeting says nothing.
"""

import html
import re
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator

import brotli

from storage.evidence.warc import RawResponse
from text.charset import decode_page

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

TAGS = re.compile(r"<[^<>]{0,2000}>")
UNITS = re.compile(r"\\u([0-9a-fA-F]{4})")
OTHERS = re.compile(r"[\W_]+")
PIECE_CHARS = 40
#: A piece of fewer characters may be of something else; Han, kana and Hangul say more per character.
LEAST_CHARS, LEAST_UNSPACED = 16, 8
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
MAX_BODY_BYTES = 64 * 1024 * 1024
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def plain_letters(value: str) -> str:
    """Return the letters and digits of a text, in lower case."""
    return OTHERS.sub("", value).casefold()


def lines_of(texts: Iterable[str]) -> Iterator[str]:
    """Yield the lines of texts that are long enough to be recognised, without what is masked in them."""
    for text in texts:
        for line in re.split(r"[\r\n]|\*{2,}", text):
            if is_distinct(plain_letters(line)):
                yield line.strip()


def is_distinct(letters: str) -> bool:
    least = LEAST_UNSPACED if UNSPACED.search(letters) else LEAST_CHARS
    return len(letters) >= least


def shows_any(response: RawResponse, pieces: Collection[str]) -> bool:
    """Return whether a response shows one of these pieces, which are `plain_letters`."""
    if not pieces:
        return False
    coding = b",".join(value for name, value in response.headers if name.lower() == b"content-encoding")
    page = decode_page(_decompressed(response.body, coding)).text
    for shown in (page, TAGS.sub("", page)):
        letters = plain_letters(_without_escapes(shown))
        if any(piece in letters for piece in pieces):
            return True
    return False


def _without_escapes(value: str) -> str:
    """Undo the escapes of JSON and HTML, which a letter of a text may be written in."""
    units = UNITS.sub(lambda found: chr(int(found[1], 16)), value)
    whole = units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html.unescape(re.sub(r"\\[nrtbf]", " ", whole))


def _decompressed(body: bytes, coding: bytes) -> bytes:
    """Undo the compression of a body, as far as it can be undone."""
    for each in reversed([part.strip().lower() for part in coding.split(b",") if part.strip()]):
        try:
            body = _one_layer(body, each)
        except (zlib.error, brotli.error, ZstdError, EOFError):
            return body
    return body


def _one_layer(body: bytes, coding: bytes) -> bytes:
    if coding in (b"gzip", b"x-gzip", b"deflate"):
        for bits in (GZIP_OR_ZLIB, -zlib.MAX_WBITS):
            try:
                return zlib.decompressobj(bits).decompress(body, MAX_BODY_BYTES)
            except zlib.error:
                if bits < 0:
                    raise
    if coding == b"br":
        return bytes(brotli.Decompressor().process(body, output_buffer_limit=MAX_BODY_BYTES))
    if coding == b"zstd":
        return bytes(ZstdDecompressor().decompress(body, MAX_BODY_BYTES))
    return body
