"""OpenAPI 3.1 of the API. docs/reference/openapi.json is a copy, which a test compares."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from web.api.answers import CACHE, etag_of, matches_etag
from web.api.callers import Asker, asker
from web.api.models import ProblemShape
from web.api.problems import SCHEMA, problems

VERSION = "1"
TOKEN, SESSION = "token", "session"
ABOUT = (
    "Findings, listings, sources, companies, deliveries, coverage and counts, as far as the asker may see "
    "them. What may not be seen is answered like what does not exist. Times are RFC 3339 in UTC. All text is "
    "masked."
)

router = APIRouter(tags=["reference"])


@router.get(
    "/openapi.json",
    response_class=Response,
    responses=problems()
    | {200: {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}},
)
def show_reference(request: Request, who: Annotated[Asker, Depends(asker)]) -> Response:
    """Return this description."""
    body = reference_text().encode()
    headers = CACHE | {"ETag": etag_of(body)}
    if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@cache
def reference_text() -> str:
    """Return the description of all routes as JSON."""
    from web.api.routes import router as api

    made = get_openapi(
        title="Spillwatch API", version=VERSION, openapi_version="3.1.0", description=ABOUT, routes=api.routes
    )
    components = made.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas[SCHEMA] = ProblemShape.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        TOKEN: {"type": "http", "scheme": "bearer", "description": "A service token."},
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-spillwatch_session",
            "description": "A signed-in browser. A change needs the header x-csrf-token, too.",
        },
    }
    made["security"] = [{TOKEN: []}, {SESSION: []}]
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"
