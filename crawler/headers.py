"""A table of headers as a person writes it, in the order in which it is sent; and Tor Browser's.

The order is TOML's. An empty value leaves a header out.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

MAX_HEADERS_SET = 40
MAX_VALUE_CHARS = 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
#: What the HTTP library decides, what would say where we came from, and what is a secret.
NOT_TO_BE_SET = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "te", "upgrade", "expect", "range", "referer"),
        *("cookie", "authorization", "proxy-authorization", "if-none-match", "if-modified-since"),
    }
)

#: Of Tor Browser 15 on Windows, for an address that was typed in (Firefox 140 ESR; onions count as secure).
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


def _checked(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or name.lower() in NOT_TO_BE_SET:
            raise _mistake("a header's name, and none of " + ", ".join(sorted(NOT_TO_BE_SET)))
        if len(value) > MAX_VALUE_CHARS or not (value.isascii() and value.isprintable()):
            raise _mistake(f"printable ASCII of at most {MAX_VALUE_CHARS} characters as each header's value")
    if len({name.lower() for name in headers}) != len(headers) or len(headers) > MAX_HEADERS_SET:
        raise _mistake(f"each header once, {MAX_HEADERS_SET} at most")
    return headers


def _mistake(wanted: str) -> PydanticCustomError:
    return PydanticCustomError("headers", "{wanted}", {"wanted": wanted})


Headers = Annotated[dict[str, str], AfterValidator(_checked)]
