"""What a status means: a page, or why there is none."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.errors import FetchError, NotThere, RateLimited, ServerFailed, SiteDenied, UnexpectedStatus

if TYPE_CHECKING:
    from scrapy.http import Response

NOT_MODIFIED = 304
REDIRECTS = frozenset({301, 302, 303, 307, 308})

MEANINGS: dict[int, tuple[type[FetchError], str]] = {
    HTTPStatus.UNAUTHORIZED: (SiteDenied, "wants a login"),
    HTTPStatus.FORBIDDEN: (SiteDenied, "does not let us in"),
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: (SiteDenied, "does not show this for legal reasons"),
    HTTPStatus.NOT_FOUND: (NotThere, "has no such page"),
    HTTPStatus.GONE: (NotThere, "has no such page any more"),
    HTTPStatus.TOO_MANY_REQUESTS: (RateLimited, "asks for fewer requests"),
}


def redirects(response: Response) -> bool:
    """Whether it only says where to look instead."""
    return response.status in REDIRECTS and bool(response.headers.get("Location"))


def problem_with(response: Response) -> FetchError | None:
    """Return what is wrong, or None for a page and for one that has not changed."""
    status = response.status
    if status < HTTPStatus.MULTIPLE_CHOICES or status == NOT_MODIFIED:
        return None
    failed = (ServerFailed, "has an error of its own")
    other = (UnexpectedStatus, "answered with a status that is no page")
    kind, words = MEANINGS.get(status, failed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else other)
    return kind(f"{urlsplit(response.url).hostname} {words} (HTTP {status}).")
