"""Service tokens, for admins of the installation: making one, which is shown once, and ending one."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse

from storage import service_tokens
from storage.service_tokens import TokenScope
from storage.visible.audit import slugs_seen
from storage.visible.tokens import token_seen, tokens_seen
from web.access.signed_in import InstallationAdmin, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.rendering import render

router = APIRouter()
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MAX_DAYS = 400
DEFAULT_DAYS = 90


@router.get("/tokens")
def tokens_page(request: Request, console: ConsoleParts, person: InstallationAdmin) -> HTMLResponse:
    return _page(request, console, person)


@router.post("/tokens")
def make(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    name: Annotated[str, Form()] = "",
    company: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
    scope: Annotated[list[str] | None, Form()] = None,
) -> HTMLResponse:
    """Make a token and answer with the page that shows it: no other answer ever does."""
    now, wanted = console.clock(), name.strip().lower()
    known = {each.value: each for each in TokenScope}
    scopes = {known[each] for each in scope or () if each in known}
    wrong = ""
    if not NAME.fullmatch(wanted):
        wrong = "name"
    elif not scopes or len(scopes) != len(set(scope or ())):
        wrong = "scopes"
    elif not days.isascii() or not days.isdecimal() or len(days) > 4 or not 1 <= int(days) <= MAX_DAYS:
        wrong = "days"
    chosen = {each.value for each in scopes}
    asked: dict[str, object] = {"name": wanted, "company": company, "days": days, "scopes": chosen}
    if wrong:
        return _page(request, console, person, wrong=wrong, asked=asked)

    def work(session: Session) -> tuple[str, str]:
        ids = {slug: company_id for company_id, slug in slugs_seen(session, person.view).items()}
        if company and company not in ids:
            return "company", ""
        if service_tokens.token_by_name(session, wanted) is not None:
            return "taken", ""
        expires_at = now + timedelta(days=int(days))
        company_id = ids.get(company)
        token = service_tokens.make_token(
            session, wanted, scopes, company_id=company_id, by=person.name, expires_at=expires_at, now=now
        )
        audit(
            session,
            person,
            AuditAction.TOKEN_MADE,
            now,
            subject=f"token:{wanted}",
            company_id=company_id,
            scopes=scopes,
            expires_at=expires_at,
        )
        return "", token

    wrong, token = console.database.write(work)
    if wrong:
        return _page(request, console, person, wrong=wrong, asked=asked)
    return _page(request, console, person, made=wanted, token=token)


@router.post("/tokens/{name}/end")
def end(name: str, console: ConsoleParts, person: InstallationAdmin) -> RedirectResponse:
    now = console.clock()

    def work(session: Session) -> bool:
        row = token_seen(session, person.view, name)
        if row is None:
            return False
        if service_tokens.end_token(session, row.id, by=person.name, now=now):
            audit(
                session,
                person,
                AuditAction.TOKEN_ENDED,
                now,
                subject=f"token:{row.name}",
                company_id=row.company_id,
            )
        return True

    if not console.database.write(work):
        raise NotVisible
    return RedirectResponse("/tokens?done=ended", HTTPStatus.SEE_OTHER)


def _page(
    request: Request,
    console: Console,
    person: SignedIn,
    *,
    wrong: str = "",
    asked: dict[str, object] | None = None,
    made: str = "",
    token: str = "",
) -> HTMLResponse:
    with console.database.reading() as session:
        tokens = tokens_seen(session, person.view)
        slugs = slugs_seen(session, person.view)
    return render(
        request,
        "tokens.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        tokens=tokens,
        slugs=slugs,
        scopes=list(TokenScope),
        wrong=wrong,
        asked=asked or {"name": "", "company": "", "days": str(DEFAULT_DAYS), "scopes": set()},
        made=made,
        token=token,
        max_days=MAX_DAYS,
    )
