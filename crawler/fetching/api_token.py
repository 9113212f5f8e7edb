"""The headers that a family's interface requires, above all its key, sent to that interface alone.

A redirect copies a request's headers, and a gist's files are on another host than the API. So the headers are
set according to where each request goes, after all other headers, and removed from any other request.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from crawler.errors import TokenRefused
from crawler.fetching.secret_file import read_secret_file
from crawler.fetching.visit import visit_of
from crawler.sources import FamilySource, SourceDefinition
from crawler.sources.family_headers import HEADERS, TOKEN_HEADERS

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

#: A key is one line.
MAX_TOKEN_BYTES = 4_096


class ApiTokenMiddleware:
    """Scrapy's downloader middleware."""

    def __init__(self, definition: SourceDefinition, origins: frozenset[str]) -> None:
        """`origins`: scheme, host and port of the interface, such as `https://api.github.com`."""
        self._definition = definition
        self._origins = origins
        self._headers: Mapping[str, str] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        visit = visit_of(crawler)
        starts = visit.adapter.start({})
        return cls(visit.definition, frozenset(_origin(follow.url) for follow in starts))

    def process_request(self, request: Request) -> None:
        if self._headers is None:
            self._headers = _interface_headers(self._definition)
        ours = _origin(request.url) in self._origins
        for name, value in self._headers.items():
            if ours:
                request.headers[name] = value
            else:
                request.headers.pop(name, None)


def _interface_headers(definition: SourceDefinition) -> dict[str, str]:
    if not isinstance(definition, FamilySource):
        return {}
    headers = dict(HEADERS.get(definition.kind, {}))
    if definition.token_file is not None:
        name, value = TOKEN_HEADERS[definition.kind]
        headers[name] = value.format(read_token(definition.token_file))
    return headers


def token_of(definition: SourceDefinition) -> Path | None:
    """Return the file with a source's key; None for a source without one."""
    return definition.token_file if isinstance(definition, FamilySource) else None


def token_refused(definition: SourceDefinition) -> TokenRefused | None:
    """Return why a source's key cannot be used; None if it can, and for a source without one."""
    path = token_of(definition)
    try:
        if path is not None:
            read_token(path)
    except TokenRefused as refused:
        return refused
    return None


def read_token(path: Path) -> str:
    """Return the key in a file; raises `TokenRefused`, which quotes nothing of it."""
    content = read_secret_file(
        path, MAX_TOKEN_BYTES, setting="token_file", holds="its key", refusal=TokenRefused
    )
    token = content.decode("ascii", "replace").strip()
    if not token or len(content) > MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable():
        raise TokenRefused(
            f"{path} does not hold a key: expected one line of at most {MAX_TOKEN_BYTES} bytes of ASCII."
        )
    return token


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
