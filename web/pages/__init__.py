"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    deliveries,
    exports,
    findings,
    mutes,
    settings,
    sign_in,
    sources,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    deliveries.router,
    exports.router,
    findings.router,
    mutes.router,
    settings.router,
    sign_in.router,
    sources.router,
    welcome.router,
)
