"""All routes of the API, below /api/v1."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from web.api import companies, deliveries, events, findings, listings, reference, reports, sources
from web.api.callers import RequestLimits
from web.api.events import OpenStreams
from web.api.pulse import ChangePulse
from web.console import Console

PREFIX = "/api/v1"


def _operation(route: APIRoute) -> str:
    """Return the name of a route in the description: that of its function."""
    return route.name


router = APIRouter(prefix=PREFIX, generate_unique_id_function=_operation)
for noun in (findings, listings, sources, companies, deliveries, reports, events, reference):
    router.include_router(noun.router)


def add_api(app: FastAPI, console: Console) -> None:
    """Add the API to the application, with what its requests share."""
    app.state.request_limits = RequestLimits()
    app.state.open_streams = OpenStreams(ChangePulse(console.database))
    app.include_router(router)
