"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import companies, deliveries, findings, settings, sources

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    findings.router,
    sources.router,
    deliveries.router,
    settings.router,
    companies.router,
)
