"""A table of request headers in a configuration file, and Tor Browser's headers.

Headers are sent in the order of the file. An empty value removes a header.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

MAX_HEADERS_SET = 40
MAX_VALUE_CHARS = 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
#: Headers that the HTTP library sets, that would reveal the referring page, or that are secret.
FORBIDDEN_HEADERS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "te", "upgrade", "expect", "range", "referer"),
        *("cookie", "authorization", "proxy-authorization", "if-none-match", "if-modified-since"),
    }
)

#: Tor Browser 15 on Windows, for a URL that was typed in (Firefox 140 ESR; onions count as secure).
TOR_BROWSER = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-GPC": "1",
    "Connection": "keep-alive",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
    "Priority": "u=0, i",
}


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or name.lower() in FORBIDDEN_HEADERS:
            raise _validation_error("a header's name, but none of " + ", ".join(sorted(FORBIDDEN_HEADERS)))
        if len(value) > MAX_VALUE_CHARS or not (value.isascii() and value.isprintable()):
            raise _validation_error(
                f"printable ASCII of at most {MAX_VALUE_CHARS} characters as each header's value"
            )
    if len({name.lower() for name in headers}) != len(headers) or len(headers) > MAX_HEADERS_SET:
        raise _validation_error(f"each header once, {MAX_HEADERS_SET} at most")
    return headers


def _validation_error(wanted: str) -> PydanticCustomError:
    return PydanticCustomError("headers", "{wanted}", {"wanted": wanted})


Headers = Annotated[dict[str, str], AfterValidator(_check_headers)]
