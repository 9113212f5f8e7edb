"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    deliveries,
    findings,
    listings,
    mutes,
    sellers,
    settings,
    sign_in,
    sources,
    statistics,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    deliveries.router,
    findings.router,
    listings.router,
    mutes.router,
    sellers.router,
    settings.router,
    sign_in.router,
    sources.router,
    statistics.router,
    welcome.router,
)
