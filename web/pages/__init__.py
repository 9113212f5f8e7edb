"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    account,
    deliveries,
    findings,
    mutes,
    people,
    second_factor,
    settings,
    sign_in,
    sources,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    account.router,
    deliveries.router,
    findings.router,
    mutes.router,
    people.router,
    second_factor.router,
    settings.router,
    sign_in.router,
    sources.router,
    welcome.router,
)
