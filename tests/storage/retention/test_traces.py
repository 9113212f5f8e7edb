"""storage.retention.traces: a text is recognised in whatever a site made of it."""

import gzip
import html
import json
import zlib

import brotli
import pytest

from storage.evidence.warc import RawResponse
from storage.retention.traces import lines_of, plain_letters, shows_any

LINE = "Rows of the Quillmarsh & Söhne customers, 2026"
HAN = "奎爾瑪什客戶資料庫出售"


def page(body: bytes, coding: bytes = b"") -> RawResponse:
    return RawResponse("https://m.example/", 200, ((b"Content-Encoding", coding),) if coding else (), body)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (LINE.encode(), b""),
        (f"<p>{html.escape(LINE)}</p>".encode(), b""),
        (LINE.replace("Quillmarsh", "Quill<b class='x'>marsh</b>").encode(), b""),
        (json.dumps({"x": LINE}).encode(), b""),
        (json.dumps({"x": html.escape(LINE)}).encode(), b""),
        (LINE.upper().replace(" ", "&nbsp;").encode("windows-1252"), b""),
        (gzip.compress(LINE.encode(), mtime=0), b"gzip"),
        (zlib.compress(LINE.encode()), b"deflate"),
        (raw_deflate(LINE.encode()), b"deflate"),
        (brotli.compress(gzip.compress(LINE.encode(), mtime=0)), b"gzip, br"),
        (HAN.encode("gb18030"), b""),
        (HAN.encode("utf-16"), b""),
        (json.dumps(HAN).encode(), b""),
    ],
)
def test_a_text_is_recognised(body: bytes, coding: bytes) -> None:
    """In markup, escapes, charsets and compressions."""
    pieces = [plain_letters(line) for line in lines_of([LINE, HAN])]

    assert len(pieces) == 2
    assert shows_any(page(body, coding), pieces)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"", b""),
        (b"Rows of other customers, 2026", b""),
        (b"Rows of the Quillmarsh", b""),
        (gzip.compress(LINE.encode(), mtime=0)[:20], b"gzip"),
        (LINE.encode()[:20], b"br"),
        (b"\x00" * 5000, b"zstd"),
    ],
)
def test_other_pages_are_not(body: bytes, coding: bytes) -> None:
    """Nor are pages that cannot be decompressed."""
    assert not shows_any(page(body, coding), [plain_letters(LINE)])


def test_which_lines_are_recognised() -> None:
    """Short lines and masked pieces say nothing; no piece finds nothing."""
    texts = [
        "Database\nfor sale",
        f"{LINE}\ncall 138****1234 now",
        "价格100",
        "a very long line of letters****",
    ]

    assert list(lines_of(texts)) == [LINE, "a very long line of letters"]
    assert not shows_any(page(b"anything"), [])
