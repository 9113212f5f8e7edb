"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    deliveries,
    finding_changes,
    findings,
    live,
    mutes,
    settings,
    sign_in,
    sources,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    deliveries.router,
    finding_changes.router,
    findings.router,
    live.router,
    mutes.router,
    settings.router,
    sign_in.router,
    sources.router,
    welcome.router,
)
