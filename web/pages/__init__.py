"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    companies,
    deliveries,
    findings,
    mutes,
    settings,
    sign_in,
    source_forms,
    sources,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    companies.router,
    deliveries.router,
    findings.router,
    mutes.router,
    settings.router,
    sign_in.router,
    source_forms.router,  # before sources: /sources/add is no source's name
    sources.router,
    welcome.router,
)
