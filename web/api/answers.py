"""Answers with their ETags, and what If-None-Match and If-Match ask for (RFC 9110).

An ETag is the hash of the answer's bytes, so it tells nothing that the answer does not.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request
from starlette.responses import Response

from web.api.errors import PreconditionFailed, PreconditionRequired
from web.api.models import Shape

JSON = "application/json"
#: A cache keeps an answer for its asker only, and asks each time whether it is still the same.
CACHE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description="ETag of the finding as you know it.")
]


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def body_of(shape: Shape) -> bytes:
    return shape.model_dump_json().encode()


def answer(request: Request, shape: Shape, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a shape with its ETag; 304 without a body if the asker has it already."""
    body = body_of(shape)
    etag = etag_of(body)
    headers = CACHE | {"ETag": etag}
    known = request.headers.get("if-none-match") if request.method in ("GET", "HEAD") else None
    if known is not None and matches_etag(known, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, status, headers, JSON)


def matches_etag(header: str, etag: str) -> bool:
    """Return whether a list of ETags has this one; weak ones count, as If-None-Match wants it."""
    named = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in named or etag in named


def require_match(header: str | None, shape: Shape) -> None:
    """Raise unless If-Match names what is changed as it is now."""
    if header is None:
        raise PreconditionRequired
    named = [each.strip() for each in header.split(",")]
    if "*" not in named and etag_of(body_of(shape)) not in named:  # a weak ETag matches nothing here
        raise PreconditionFailed
