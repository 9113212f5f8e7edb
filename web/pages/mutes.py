"""Mutes: what is kept from the channels for a while, tried on the last 90 days before it is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from storage.alerts import Severity
from storage.mutes import Mute, end_mute
from storage.users import Role
from storage.visible.findings import finding_by_reference
from storage.visible.mutes import (
    MuteTrial,
    companies_to_mute,
    ended_mutes,
    mute_by_id,
    mutes_in_force,
    named,
    silenced_by,
    try_mute,
)
from storage.visible.sources import source_named
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.rendering import render

router = APIRouter()

TRIAL = timedelta(days=90)
LONGEST = timedelta(days=366)
REASON_CHARS = 2_000
NAME_CHARS = 300
#: How long a mute lasts when the form names no time, in days.
DAYS = (1, 7, 30, 90)
Text = Annotated[str, Form(max_length=NAME_CHARS)]


@router.get("/mutes")
def mutes(
    request: Request,
    console: ConsoleParts,
    person: Person,
    company: str = "",
    finding: str = "",
    ended: bool = False,
) -> Response:
    """List the mutes; the form is filled with what a finding's page names."""
    return _page(request, console, person, values={"company": company, "finding": finding}, ended=ended)


@router.post("/mutes")
def add_mute(
    request: Request,
    console: ConsoleParts,
    person: Person,
    company: Text,
    reason: Annotated[str, Form(max_length=REASON_CHARS)] = "",
    days: Annotated[int, Form(ge=1, le=366)] = DAYS[1],
    source: Text = "",
    seller: Text = "",
    term: Text = "",
    finding: Text = "",
    up_to: Annotated[Severity, Form()] = Severity.HIGH,
    step: Annotated[str, Form(pattern="^(try|store)$")] = "try",
) -> Response:
    """Try a mute on the last 90 days, or store it."""
    now = console.clock()
    values = {
        "company": company,
        "reason": reason,
        "days": str(days),
        "source": source,
        "seller": seller,
        "term": term,
        "finding": finding,
        "up_to": up_to.value,
    }
    if step == "try":
        with console.database.reading() as session:
            tried = _mute_of(session, person, values, now=now)
            trial = try_mute(session, person.view, tried, since=now - TRIAL)
        return _page(request, console, person, values=values, trial=trial)
    with console.database.transaction() as session:
        mute = _mute_of(session, person, values, now=now)
        if not reason.strip():
            raise RequestRefused("reason")
        session.add(mute)
        session.flush()
        audit(
            session,
            person,
            AuditAction.MUTE_CHANGED,
            now,
            subject=f"mute:{mute.id}",
            company_id=mute.company_id,
            change="added",
            until=mute.until.isoformat(),
            up_to=mute.max_severity.value,
            reason=reason,
        )
    return RedirectResponse("/mutes?done=added", HTTPStatus.SEE_OTHER)


@router.post("/mutes/{number}/end")
def end(console: ConsoleParts, person: Person, number: int) -> Response:
    """End a mute now. What it silenced is not sent later."""
    now = console.clock()
    with console.database.transaction() as session:
        mute = mute_by_id(session, person.view, number)
        if mute is None:
            raise NotVisible
        person.require(Role.ANALYST, mute.company_id)
        if end_mute(session, number, by=person.name, now=now):
            audit(
                session,
                person,
                AuditAction.MUTE_CHANGED,
                now,
                subject=f"mute:{number}",
                company_id=mute.company_id,
                change="ended",
            )
    return RedirectResponse("/mutes?done=ended", HTTPStatus.SEE_OTHER)


def _mute_of(session: Session, person: SignedIn, values: dict[str, str], *, now: datetime) -> Mute:
    """Return the mute that a form describes; raises NotVisible for what may not be seen."""
    company_id = companies_to_mute(session, person.view).get(values["company"])
    if company_id is None:
        raise NotVisible
    person.require(Role.ANALYST, company_id)
    source = source_named(session, person.view, values["source"]) if values["source"] else None
    alert = finding_by_reference(session, person.view, values["finding"]) if values["finding"] else None
    if (values["source"] and source is None) or (values["finding"] and alert is None):
        raise NotVisible
    if alert is not None and alert.company_id != company_id:
        raise RequestRefused("finding")
    return Mute(
        company_id=company_id,
        source_id=source.id if source else None,
        alert_id=alert.id if alert else None,
        seller=values["seller"] or None,
        term=values["term"] or None,
        max_severity=Severity(values["up_to"]),
        reason=values["reason"].strip(),
        by=person.name,
        created_at=now,
        until=now + min(timedelta(days=int(values["days"])), LONGEST),
    )


def _page(
    request: Request,
    console: ConsoleParts,
    person: SignedIn,
    *,
    values: dict[str, str],
    ended: bool = False,
    trial: MuteTrial | None = None,
) -> Response:
    question = ended_mutes if ended else mutes_in_force
    with console.database.reading() as session:
        found = question(session, person.view, now=console.clock())
        shown = named(session, person.view, found)
        silenced = silenced_by(session, person.view, [mute.id for mute in found])
        companies = companies_to_mute(session, person.view)
    return render(
        request,
        "mutes.html",
        person=person,
        mutes=shown,
        silenced=silenced,
        ended=ended,
        companies=[slug for slug, number in companies.items() if person.may(Role.ANALYST, number)],
        severities=[each.value for each in Severity],
        days=DAYS,
        values={"days": "7", "up_to": "high", "reason": "", "source": "", "seller": "", "term": ""} | values,
        trial=trial,
        done=request.query_params.get("done", ""),
    )
