"""The people of the console, for admins: who may do what, invitations, and sign-ins that are blocked.

An admin of a company looks after the people whose every role is of companies that this admin manages. Nobody
changes their own roles, or locks themselves out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from storage import second_factors, sign_in_limits, users
from storage.invitations import LASTS, end_invitations
from storage.users import Role, User
from storage.visible.companies import company_slugs
from storage.visible.people import PAGE, people_page, person_row
from storage.visible.visibility import Visibility
from web.access.invitations import link_for, make_invitation
from web.access.signed_in import InstallationAdmin, Person, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotAllowed, NotVisible, RequestRefused
from web.rendering import render
from web.wording import LANGUAGES

router = APIRouter()

PEOPLE = "/people"
ALL = "all"  # in a form: the whole installation
DONE = ("role", "disabled", "enabled", "sessions", "factors", "lifted")
Typed = Annotated[str, Form(max_length=200)]
Work = Callable[[Session, User], None]


@router.get(PEOPLE)
def list_people(
    request: Request,
    console: ConsoleParts,
    person: Person,
    after: int | None = None,
    done: str | None = None,
) -> HTMLResponse:
    return _list(request, console, person, after=after, done=done if done in DONE else None)


@router.post("/people/invite")
def invite(
    request: Request,
    console: ConsoleParts,
    person: Person,
    name: Typed = "",
    role: Typed = "",
    company: Typed = "",
    language: Typed = "en",
) -> HTMLResponse:
    """Store a person and show the link, once."""
    company_id, chosen = _company_of(console, person, company), _role_of(role)
    person.require(Role.ADMIN, company_id)
    folded = users.folded_name(name)
    if chosen is None or language not in LANGUAGES:
        raise RequestRefused
    if folded is None:
        return _list(request, console, person, problem="name")
    web, now = console.settings.web, console.clock()
    link = console.database.write(
        lambda session: make_invitation(
            session, web, folded, {company_id: chosen}, by=person.name, now=now, language=language
        )
    )
    if link is None:
        return _list(request, console, person, problem="name_taken")
    return _show_link(request, person, folded, link)


@router.post("/people/limits/lift")
def lift_limit(console: ConsoleParts, person: InstallationAdmin, key: Typed = "") -> Response:
    """Let a name or a network try again."""

    def work(session: Session) -> None:
        if not sign_in_limits.lift_limit(session, key):
            raise NotVisible
        audit(session, person, AuditAction.PERSON_CHANGED, console.clock(), limit="lifted")

    console.database.write(work)
    return _done(PEOPLE, "lifted")


@router.get("/people/{user_id}")
def show_person(
    request: Request, console: ConsoleParts, person: Person, user_id: int, done: str | None = None
) -> HTMLResponse:
    reach, now = _reach(person), console.clock()
    with console.database.reading() as session:
        found = person_row(session, reach, user_id, now=now)
        slugs = company_slugs(session, reach)
        held = users.open_sessions(session, user_id, now=now) if found else []
    if found is None:
        raise NotVisible
    return render(
        request,
        "person.html",
        person=person,
        found=found,
        slugs=slugs,
        sessions=held,
        roles=list(Role),
        all_companies=reach.companies is None,
        managed=found.managed and found.id != person.user_id,
        done=done if done in DONE else None,
    )


@router.post("/people/{user_id}/role")
def change_role(
    console: ConsoleParts, person: Person, user_id: int, company: Typed = "", role: Typed = ""
) -> Response:
    """Give a person a role for a company, or take it."""
    company_id, chosen = _company_of(console, person, company), _role_of(role)
    person.require(Role.ADMIN, company_id)
    if role and chosen is None:
        raise RequestRefused

    def work(session: Session, user: User) -> None:
        if users.set_role(session, user.id, company_id, chosen):
            _note(session, person, user, console.clock(), company_id, role=role or "none")

    _change(console, person, user_id, work)
    with console.database.reading() as session:
        still = person_row(session, _reach(person), user_id, now=console.clock())
    return _done(f"{PEOPLE}/{user_id}" if still else PEOPLE, "role")


@router.post("/people/{user_id}/disable")
def disable(console: ConsoleParts, person: Person, user_id: int) -> Response:
    """Keep a person from signing in, and end sessions and links."""

    def work(session: Session, user: User) -> None:
        user.active = False
        users.end_sessions(session, user.id, now=console.clock())
        end_invitations(session, user.id, now=console.clock())
        _note(session, person, user, console.clock(), active=False)

    _change(console, person, user_id, work)
    return _done(f"{PEOPLE}/{user_id}", "disabled")


@router.post("/people/{user_id}/enable")
def enable(console: ConsoleParts, person: Person, user_id: int) -> Response:
    def work(session: Session, user: User) -> None:
        user.active = True
        _note(session, person, user, console.clock(), active=True)

    _change(console, person, user_id, work)
    return _done(f"{PEOPLE}/{user_id}", "enabled")


@router.post("/people/{user_id}/end-sessions")
def end_sessions(console: ConsoleParts, person: Person, user_id: int) -> Response:
    def work(session: Session, user: User) -> None:
        ended, now = users.end_sessions(session, user.id, now=console.clock()), console.clock()
        subject = f"person:{user.name}"
        audit(session, person, AuditAction.SESSION_ENDED, now, subject=subject, sessions=ended)

    _change(console, person, user_id, work)
    return _done(f"{PEOPLE}/{user_id}", "sessions")


@router.post("/people/{user_id}/remove-factors")
def remove_factors(console: ConsoleParts, person: Person, user_id: int) -> Response:
    """Remove app, passkeys and recovery codes, of a person who lost them; sessions end."""

    def work(session: Session, user: User) -> None:
        now, subject = console.clock(), f"person:{user.name}"
        second_factors.remove_second_factors(session, user.id)
        users.end_sessions(session, user.id, now=now)
        act = AuditAction.SECOND_FACTOR_CHANGED
        audit(session, person, act, now, subject=subject, factor="all", change="removed")

    _change(console, person, user_id, work)
    return _done(f"{PEOPLE}/{user_id}", "factors")


@router.post("/people/{user_id}/lift-limits")
def lift_limits(console: ConsoleParts, person: Person, user_id: int) -> Response:
    def work(session: Session, user: User) -> None:
        sign_in_limits.lift_limits_of(session, user.id)
        _note(session, person, user, console.clock(), limit="lifted")

    _change(console, person, user_id, work)
    return _done(f"{PEOPLE}/{user_id}", "lifted")


@router.post("/people/{user_id}/link")
def make_link(request: Request, console: ConsoleParts, person: Person, user_id: int) -> HTMLResponse:
    """Show a link for a new password, once. A second factor is asked for as before."""
    made: list[str] = []

    def work(session: Session, user: User) -> None:
        if not user.active:
            raise NotVisible
        web, now = console.settings.web, console.clock()
        made[:] = [user.name, link_for(session, web, user, by=person.name, now=now, reason="again")]

    _change(console, person, user_id, work)
    return _show_link(request, person, made[0], made[1])


def _reach(person: SignedIn) -> Visibility:
    """Return whose people the person sees here; raises NotAllowed."""
    if not person.is_admin:
        raise NotAllowed(Role.ADMIN)
    return person.manages


def _change(console: Console, person: SignedIn, user_id: int, work: Work) -> None:
    """Do something with a person whom the other one manages; raises NotVisible or NotAllowed."""
    reach, now = _reach(person), console.clock()

    def change(session: Session) -> None:
        user = users.lock_user(session, user_id)
        seen = person_row(session, reach, user_id, now=now)
        if user is None or seen is None:
            raise NotVisible
        if not seen.managed or user_id == person.user_id:
            raise NotAllowed(Role.ADMIN)
        work(session, user)

    console.database.write(change)


def _company_of(console: Console, person: SignedIn, typed: str) -> int | None:
    """Return the id of a company that the person manages; None: the whole installation."""
    if typed == ALL:
        return None
    with console.database.reading() as session:
        ids = {slug: company_id for company_id, slug in company_slugs(session, _reach(person)).items()}
    if typed not in ids:
        raise NotVisible
    return ids[typed]


def _role_of(typed: str) -> Role | None:
    return Role(typed) if typed in tuple(Role) else None


def _list(
    request: Request,
    console: Console,
    person: SignedIn,
    *,
    after: int | None = None,
    done: str | None = None,
    problem: str | None = None,
) -> HTMLResponse:
    reach, now = _reach(person), console.clock()
    with console.database.reading() as session:
        found = people_page(session, reach, now=now, after=after)
        slugs = company_slugs(session, reach)
        everywhere = reach.companies is None
        limits = sign_in_limits.limits_in_force(session, now=now) if everywhere else []
    return render(
        request,
        "people.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        people=found,
        slugs=slugs,
        limits=limits,
        roles=list(Role),
        all_companies=everywhere,
        more=found[-1].id if len(found) == PAGE else None,
        required=console.settings.web.require_second_factor,
        done=done,
        problem=problem,
    )


def _show_link(request: Request, person: SignedIn, name: str, link: str) -> HTMLResponse:
    hours = int(LASTS.total_seconds() // 3600)
    return render(request, "person_link.html", person=person, name=name, link=link, hours=hours)


def _note(
    session: Session,
    person: SignedIn,
    user: User,
    now: datetime,
    company_id: int | None = None,
    **detail: object,
) -> None:
    act, subject = AuditAction.PERSON_CHANGED, f"person:{user.name}"
    audit(session, person, act, now, subject=subject, company_id=company_id, **detail)


def _done(page: str, what: str) -> RedirectResponse:
    return RedirectResponse(f"{page}?done={what}", HTTPStatus.SEE_OTHER)
