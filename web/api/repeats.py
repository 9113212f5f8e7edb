"""Idempotency-Key: a POST that is sent again gets the first answer, and changes nothing.

1. Claim the key for this asker; another request with the key is refused, or answered at once.
2. Make the change and keep its answer, in one transaction.
3. If that fails, release the key, so that the request may be sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import Response

from storage import api_answers
from storage.api_answers import ApiAnswer, ClaimState
from web.api.answers import CACHE, JSON, body_of, etag_of
from web.api.callers import Asker
from web.api.errors import RepeatDiffers, RepeatInProgress
from web.api.models import Shape
from web.console import Console

RepeatKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A name of your choice for this request, such as a UUID. A request that is sent again "
        "with it within 24 hours gets the first answer and changes nothing.",
    ),
]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change answers, and the alert that the answer is about."""

    shape: Shape
    alert_id: int | None


def change_once(
    request: Request,
    console: Console,
    who: Asker,
    key: str | None,
    sent: BaseModel | None,
    work: Callable[[Session], Changed],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Make a change and answer it; with a key, at most once. `work` may be called several times."""
    if key is None:
        return _response(body_of(console.database.write(work).shape), status)
    content = f"{request.method} {request.url.path}\n{'' if sent is None else sent.model_dump_json()}"
    digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    now = console.clock()
    claim = console.database.write(
        lambda session: api_answers.claim_answer(session, who.name, key, digest, now=now)
    )
    if claim.state is ClaimState.OTHER_REQUEST:
        raise RepeatDiffers
    if claim.state is ClaimState.IN_PROGRESS:
        raise RepeatInProgress
    if claim.answer is not None:
        return _kept(claim.answer)

    def change(session: Session) -> bytes:
        changed = work(session)
        body = body_of(changed.shape)
        kept = api_answers.keep_answer(
            session,
            who.name,
            key,
            claimed_at=now,
            status=status,
            body=body.decode(),
            alert_id=changed.alert_id,
        )
        if not kept:
            raise RepeatInProgress
        return body

    try:
        body = console.database.write(change)
    except BaseException:
        console.database.write(
            lambda session: api_answers.release_claim(session, who.name, key, claimed_at=now)
        )
        raise
    return _response(body, status)


def _kept(row: ApiAnswer) -> Response:
    response = _response((row.body or "").encode(), HTTPStatus(row.status or HTTPStatus.OK))
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _response(body: bytes, status: HTTPStatus) -> Response:
    return Response(body, status, CACHE | {"ETag": etag_of(body)}, JSON)
