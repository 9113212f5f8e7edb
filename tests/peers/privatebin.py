"""A paste as PrivateBin returns it, encrypted by a browser's cryptography (WebCrypto, in Node).

Its content is synthetic: a text with two lines of a sample, and one comment.
"""

from __future__ import annotations

from typing import Any

from tests.peers.programs import Content, json_answer
from tests.peers.web import Answer, Asked

ID = "fedcba9876543210"
#: Its first byte is null, which base 58 drops.
KEY = "uuoCokr9SYWTAVCqqAUejyu6htjvx7Tm5qY3c5XbQ"
TEXT = "客户样本 customers\nname,phone\nAda,none\n"
_CIPHER = ["AwQFBgcICQoLDA0ODxAREg==", "c2FsdHNhbHQ=", 100000, 256, 128, "aes", "gcm", "zlib"]

PASTE: dict[str, Any] = {
    "status": 0,
    "id": ID,
    "url": f"/?{ID}",
    "v": 2,
    "meta": {"created": 1772368200, "time_to_live": 86400},
    "adata": [_CIPHER, "plaintext", 1, 0],
    "ct": (
        "mTFnFTXJsZvIjIzXz/xY+zA9aSmF1adXorETRF46d1DlWx6kza9lHRy3xDYC7sbi5hiyztxOstdRlpnrOoaloQlU/U/6cFodIJc="
    ),
    "comments": [
        {
            "id": "0123456789abcdef",
            "pasteid": ID,
            "parentid": ID,
            "v": 2,
            "meta": {"created": 1772368800},
            "adata": _CIPHER,
            "ct": ("mTEHk9YqtQNRj0Q/UwG9vfGjN26wzg5qtxEr/9wI1/T/5h+vIZ/B+n7cyxz2gYrt1KeVKw71AXFqgEx5/oWm"),
        }
    ],
}


def served_paste(content: Content, asked: Asked, url: str) -> Answer | None:
    """Return the data only for requests with the header of PrivateBin's own script."""
    if asked.headers.get("x-requested-with") != "JSONHttpRequest":
        return Answer(b"<html><title>PrivateBin</title>")
    return json_answer(PASTE if asked.path == "/" else {"status": 1, "message": "no such paste"})
