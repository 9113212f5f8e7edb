"""What an HTTP status means: a page, or the error that stands for it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.errors import FetchError, NotThere, RateLimited, ServerFailed, SiteDenied, UnexpectedStatus

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

NOT_MODIFIED = 304
CONDITION_HEADERS = ("If-None-Match", "If-Modified-Since")
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

STATUS_ERRORS: dict[int, tuple[type[FetchError], str]] = {
    HTTPStatus.UNAUTHORIZED: (SiteDenied, "wants a login"),
    HTTPStatus.FORBIDDEN: (SiteDenied, "does not let us in"),
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: (SiteDenied, "does not show this page for legal reasons"),
    HTTPStatus.NOT_FOUND: (NotThere, "has no such page"),
    HTTPStatus.GONE: (NotThere, "no longer has this page"),
    HTTPStatus.TOO_MANY_REQUESTS: (RateLimited, "asks for fewer requests"),
}


def is_redirect(response: Response) -> bool:
    """Return whether the response only names another address."""
    return response.status in REDIRECT_STATUSES and bool(response.headers.get("Location"))


def request_of(response: Response) -> Request:
    """Return the request of a response that Scrapy hands to a spider."""
    assert response.request is not None
    return response.request


def has_condition(request: Request) -> bool:
    """Return whether a request lets the site answer "not modified"."""
    return any(name in request.headers for name in CONDITION_HEADERS)


def status_problem(response: Response, request: Request) -> FetchError | None:
    """Return the error that the status means; None for a page, and for one that has not changed, if the
    request asked for that.
    """
    status = response.status
    if status < HTTPStatus.MULTIPLE_CHOICES or (status == NOT_MODIFIED and has_condition(request)):
        return None
    failed = (ServerFailed, "has an error of its own")
    other = (UnexpectedStatus, "answered with a status that does not stand for a page")
    kind, words = STATUS_ERRORS.get(status, failed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else other)
    return kind(f"{urlsplit(response.url).hostname} {words} (HTTP {status}).")
