"""What the reference says about refusals: problem+json, by status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

PROBLEM = "application/problem+json"
SCHEMA = "ProblemShape"
TEXTS = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.UNAUTHORIZED: "No token and no session, or one that is not valid.",
    HTTPStatus.FORBIDDEN: "The role or the scope is missing.",
    HTTPStatus.NOT_FOUND: "It does not exist, or it may not be seen: the answer is the same.",
    HTTPStatus.CONFLICT: "The change is not possible now, or a request with the same key is in progress.",
    HTTPStatus.PRECONDITION_FAILED: "It was changed since: read it again.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter or the body cannot be used.",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is missing.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests within a minute.",
}
#: Of every route.
ALWAYS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
#: Of every route whose path names something, and of those that change something.
NAMED = (HTTPStatus.NOT_FOUND,)
CHANGING = (*NAMED, HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
Documented = dict[int | str, dict[str, Any]]


def problems(*statuses: HTTPStatus) -> Documented:
    """Return the `responses` of a route that may refuse with these statuses, beside ALWAYS."""
    content = {PROBLEM: {"schema": {"$ref": f"#/components/schemas/{SCHEMA}"}}}
    return {
        int(status): {"description": TEXTS[status], "content": content}
        for status in sorted({*ALWAYS, *statuses})
    }


def reading(*statuses: HTTPStatus) -> Documented:
    """Return the `responses` of a route that reads, which may find that nothing has changed."""
    known = {"description": "Nothing has changed: If-None-Match names this answer."}
    return {int(HTTPStatus.NOT_MODIFIED): known} | problems(*statuses)
