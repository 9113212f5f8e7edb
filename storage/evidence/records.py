"""One WARC record as one gzip member: how it is made and how it is read back.

The payload's digest in the record is sha1, which replay programs know; the database keeps sha256.
"""

import hashlib
import re
import uuid
import zlib
from base64 import b32encode
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from storage.columns import clean

COMPRESSION = 4  # of 9; a third of the time of 9 for a few per cent more bytes
GZIP = zlib.MAX_WBITS + 16
MAX_RECORD_BYTES = 256 * 1024 * 1024  # unpacked; the crawler takes far less from a site
IDS = uuid.UUID(
    "0b2f3c52-5d0e-5b55-9d3b-8f6a1c3c7a10"
)  # any constant: record ids follow from file and offset
BREAKS = re.compile(rb"[\r\n\0]+")
CONTROLS = re.compile(r"[\x00-\x20\x7f]")


class NotARecord(Exception):
    """These bytes are not one whole WARC record."""


def record_id(file: str, offset: int) -> str:
    return f"<urn:uuid:{uuid.uuid5(IDS, f'{file}#{offset}')}>"


def response_block(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """The response as it came. The body has lost its chunks, so the header that tells of them is renamed."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    lines = [f"HTTP/1.1 {status} {phrase}".encode()]
    for name, value in headers:
        kept = b"X-Archive-Transfer-Encoding" if name.lower() == b"transfer-encoding" else name
        lines.append(BREAKS.sub(b" ", kept) + b": " + BREAKS.sub(b" ", value))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def split_response(block: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    head, separator, body = block.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    parts = status.split(b" ")
    if not separator or len(parts) < 2 or not parts[1].isdigit():
        raise NotARecord("no response in it")
    pairs = (line.partition(b": ") for line in lines)
    return int(parts[1]), [(name, value) for name, _, value in pairs], body


def sha1(payload: bytes) -> str:
    return "sha1:" + b32encode(hashlib.sha1(payload, usedforsecurity=False).digest()).decode()


def member(kind: str, headers: Sequence[tuple[str, str]], block: bytes, content_type: str) -> bytes:
    """The whole record, packed; written by the caller in one go."""
    fields = StatusAndHeaders("", [("WARC-Type", kind), *headers], protocol="WARC/1.1")
    record = ArcWarcRecord("warc", kind, fields, BytesIO(block), None, content_type, len(block))
    record.payload_length = len(block)
    plain = BytesIO()
    WARCWriter(plain, gzip=False).write_record(record)
    packer = zlib.compressobj(COMPRESSION, zlib.DEFLATED, GZIP)
    return packer.compress(plain.getvalue()) + packer.flush()


def unpack(packed: bytes) -> bytes:
    """Raises NotARecord unless the bytes are exactly one gzip member with the right checksum."""
    opener = zlib.decompressobj(GZIP)
    try:
        plain = opener.decompress(packed, MAX_RECORD_BYTES)
    except zlib.error:
        raise NotARecord("its compression is broken") from None
    if not opener.eof:
        raise NotARecord("it ends too early")
    if opener.unused_data:
        raise NotARecord("something follows it")
    return plain


def parse(plain: bytes) -> tuple[dict[str, str], bytes]:
    """The record's own headers, lower case, and its block."""
    try:
        record = next(iter(ArchiveIterator(BytesIO(plain), no_record_parse=True)), None)
    except ArchiveLoadFailed:
        record = None
    if record is None:
        raise NotARecord("it is no WARC record")
    return {name.lower(): value for name, value in record.rec_headers.headers}, record.raw_stream.read()


def shown_url(url: str) -> str:
    """In a header's line: without what would end it."""
    return CONTROLS.sub(lambda found: f"%{ord(found[0]):02X}", clean(url))


def shown_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
