"""Searches that people keep under a name. Sharing with a company is for its analysts, with all for analysts
of the installation.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from storage.saved_searches import MOST, delete_search, save_search
from storage.users import Role
from storage.visible.findings import companies_of_findings
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.finding_list import ListChoice

router = APIRouter()

NAME_CHARS = 80
ALL = "*"  # for `share`: everybody


@router.post("/searches")
def keep_search(
    console: ConsoleParts,
    person: Person,
    name: Annotated[str, Form(max_length=NAME_CHARS)],
    query: Annotated[str, Form(max_length=2000)] = "",
    share: Annotated[str, Form(max_length=200)] = "",
) -> RedirectResponse:
    """Keep a choice. `share`: the slug of a company, ALL, or nothing."""
    title = " ".join(name.split())
    if not title:
        raise RequestRefused("A saved search needs a name.")
    choice = ListChoice.of_query(query)
    company_id = None if share in ("", ALL) else _company(console, person, share)
    if share:
        person.require(Role.ANALYST, company_id)
    saved = console.database.write(
        partial(_save, console, person, title, choice.query(), company_id, share == ALL)
    )
    if not saved:
        raise RequestRefused(f"found {MOST} saved searches of yours; delete one first")
    return RedirectResponse(choice.address(), 303)


@router.post("/searches/{number}/delete")
def forget_search(
    console: ConsoleParts, person: Person, number: int, back: Annotated[str, Form(max_length=2000)] = ""
) -> RedirectResponse:
    """Delete a search of one's own."""
    if not console.database.write(partial(_delete, console, person, number)):
        raise NotVisible
    return RedirectResponse(ListChoice.of_query(back).address(), 303)


def _company(console: Console, person: SignedIn, slug: str) -> int:
    with console.database.reading() as session:
        found = {each: number for number, each, _ in companies_of_findings(session, person.view)}
    if slug not in found:
        raise NotVisible
    return found[slug]


def _save(
    console: Console,
    person: SignedIn,
    name: str,
    query: str,
    company_id: int | None,
    shared_with_all: bool,
    session: Session,
) -> bool:
    now = console.clock()
    saved = save_search(
        session,
        person.user_id,
        name=name,
        query=query,
        company_id=company_id,
        shared_with_all=shared_with_all,
        now=now,
    )
    if saved and (company_id is not None or shared_with_all):
        _note(console, person, session, company_id, "search_shared")
    return saved


def _delete(console: Console, person: SignedIn, number: int, session: Session) -> bool:
    return delete_search(session, person.user_id, number)


def _note(console: Console, person: SignedIn, session: Session, company_id: int | None, change: str) -> None:
    audit(
        session,
        person,
        AuditAction.SETTING_CHANGED,
        console.clock(),
        company_id=company_id,
        setting="saved_search",
        value=change,
    )
