"""The pages, one module per noun, each with its router."""

from collections.abc import Sequence

from fastapi import APIRouter

from web.pages import account, findings, second_factor, sign_in, welcome

#: Their routes are tried in this order. app.py adds the check of forms to all of them.
ROUTERS: Sequence[APIRouter] = (
    sign_in.router,
    welcome.router,
    account.router,
    second_factor.router,
    findings.router,
)
