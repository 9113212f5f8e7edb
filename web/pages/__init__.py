"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import (
    account,
    alert,
    audit,
    companies,
    deliveries,
    exports,
    finding,
    finding_changes,
    findings,
    listings,
    live,
    mutes,
    oidc,
    people,
    saved_searches,
    second_factor,
    sellers,
    settings,
    sign_in,
    source_forms,
    sources,
    statistics,
    tokens,
    welcome,
)

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    account.router,
    alert.router,
    audit.router,
    companies.router,
    deliveries.router,
    exports.router,
    finding.router,
    finding_changes.router,
    findings.router,
    listings.router,
    live.router,
    mutes.router,
    oidc.router,
    people.router,
    saved_searches.router,
    second_factor.router,
    sellers.router,
    settings.router,
    sign_in.router,
    source_forms.router,
    sources.router,
    statistics.router,
    tokens.router,
    welcome.router,
)
