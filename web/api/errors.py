"""What the API refuses beside what the pages refuse, too. Each becomes problem+json (RFC 9457) in app.py.

ConsoleError (web.errors)
└── ApiRefusal
    ├── CursorRefused
    ├── PreconditionRequired
    ├── PreconditionFailed
    ├── ChangeRefused
    ├── RepeatInProgress
    ├── RepeatDiffers
    └── TooManyRequests
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from web.errors import ConsoleError


class ApiRefusal(ConsoleError):
    """A request that the API refuses."""

    reason = "api_refusal"
    headers: Mapping[str, str] = MappingProxyType({})  # of the answer


class CursorRefused(ApiRefusal):
    """The cursor is not one of this list with these filters. Begin again without a cursor."""

    reason = "cursor_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(ApiRefusal):
    """A change needs the header If-Match with the ETag of what it changes."""

    reason = "if_match_missing"
    status = HTTPStatus.PRECONDITION_REQUIRED


class PreconditionFailed(ApiRefusal):
    """Somebody has changed it since. Read it again, and decide again."""

    reason = "changed_since"
    status = HTTPStatus.PRECONDITION_FAILED


class ChangeRefused(ApiRefusal):
    """The change is not possible for this finding as it is now. Its message is the slug of the rule."""

    reason = "change_refused"
    status = HTTPStatus.CONFLICT


class RepeatInProgress(ApiRefusal):
    """A request with the same Idempotency-Key is in progress. Send it again later."""

    reason = "repeat_in_progress"
    status = HTTPStatus.CONFLICT
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class RepeatDiffers(ApiRefusal):
    """Another request was sent with this Idempotency-Key. Use a new key for a new request."""

    reason = "repeat_differs"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyRequests(ApiRefusal):
    """More requests came within a minute than are accepted."""

    reason = "too_many_requests"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(f"Send the next request after {retry_after_s} s.")
        self.headers = {"Retry-After": str(retry_after_s)}
