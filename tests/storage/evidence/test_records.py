"""storage.evidence.records: records as warcio's writer makes them."""

import zlib
from io import BytesIO

import pytest
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from storage.evidence import records

URL = ("WARC-Target-URI", records.header_url("https://market.example/趣店?q=a b"))


@pytest.mark.parametrize(
    ("kind", "headers", "block", "content_type"),
    [
        (
            "warcinfo",
            [("WARC-Filename", "a.warc.gz")],
            b"software: spillwatch\r\n",
            "application/warc-fields",
        ),
        (
            "response",
            [URL, ("WARC-Payload-Digest", records.sha1(b"body"))],
            records.response_block(200, [(b"Content-Type", b"text/html")], b"body"),
            "application/http; msgtype=response",
        ),
        ("conversion", [("WARC-Payload-Digest", records.sha1(b"{}"))], b"{}", "application/json"),
        ("conversion", [("WARC-Payload-Digest", records.sha1(b""))], b"", "application/json"),
    ],
)
def test_a_record_has_the_bytes_that_warcio_writes(
    kind: str, headers: list[tuple[str, str]], block: bytes, content_type: str
) -> None:
    """Replay programs have read warcio's records for years."""
    headers = [("WARC-Record-ID", records.record_id("a", 0)), ("WARC-Date", "2026-03-01T00:00:00Z"), *headers]
    fields = StatusAndHeaders("", [("WARC-Type", kind), *headers], protocol="WARC/1.1")
    record = ArcWarcRecord("warc", kind, fields, BytesIO(block), None, content_type, len(block))
    record.payload_length = len(block)
    written = BytesIO()
    WARCWriter(written, gzip=False).write_record(record)

    packed = records.pack_record(kind, headers, block, content_type)

    assert zlib.decompress(packed, records.GZIP) == written.getvalue()
