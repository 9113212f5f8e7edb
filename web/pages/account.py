"""One's own account: language, zone, look, password, and sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from storage import second_factors, users
from storage.users import User, UserSession
from storage.visible.companies import company_slugs
from web.access import passwords
from web.access.cookies import begin_cookies
from web.access.signed_in import Person, SignedIn
from web.access.signing_in import SignInAttempt, SignInBlocked, SignInRefused, asks_again
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.rendering import render
from web.wording import LANGUAGES

router = APIRouter()

ACCOUNT = "/account"
THEMES = ("", "light", "dark")
OTHERS = "others"
DONE = ("saved", "password", "session", "sessions")
Typed = Annotated[str, Form(max_length=1000)]


@cache
def zones() -> tuple[str, ...]:
    """Return the zones that people live in, without the older names of some."""
    left_out = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    found = (zone for zone in available_timezones() if "/" in zone and not zone.startswith(left_out))
    return ("UTC", *sorted(found))


@router.get(ACCOUNT)
def account_page(
    request: Request, console: ConsoleParts, person: Person, done: str | None = None
) -> HTMLResponse:
    return _page(request, console, person, done=done if done in DONE else None)


@router.post("/account/preferences")
def change_preferences(
    console: ConsoleParts, person: Person, language: Typed = "en", zone: Typed = "UTC", theme: Typed = ""
) -> Response:
    if language not in LANGUAGES or zone not in zones() or theme not in THEMES:
        raise RequestRefused
    now = console.clock()

    def work(session: Session) -> None:
        user = users.lock_user(session, person.user_id)
        if user is not None:
            user.language, user.zone = language, zone
            users.set_preference(session, user.id, "theme", theme or None)
            _note(session, person, AuditAction.PERSON_CHANGED, now, language=language, zone=zone, theme=theme)

    console.database.write(work)
    return _done("saved")


@router.post("/account/password")
def change_password(
    request: Request,
    console: ConsoleParts,
    person: Person,
    current: Typed = "",
    password: Typed = "",
    again: Typed = "",
) -> Response:
    """Set another password: every session ends, and this browser gets a new one."""
    attempt = SignInAttempt(console, request)
    user, held = own_rows(console, person)
    if user.password_hash is None:
        raise NotVisible
    problem = passwords.why_too_weak(password, user.name)
    if problem is None and password != again:
        problem = "different"
    if problem is None:
        problem = confirmed(attempt, user, held, current)
    if problem is not None:
        return _page(request, console, person, problem=problem)
    hashed, now = passwords.hash_of(password), console.clock()

    def work(session: Session) -> str:
        locked = users.lock_user(session, user.id)
        if locked is None or locked.password_hash != user.password_hash:
            raise NotVisible
        locked.password_hash = hashed
        _note(session, person, AuditAction.PERSON_CHANGED, now, password="changed")  # noqa: S106  (a word)
        return attempt.renew(session, locked, held.method)

    answer = _done("password")
    begin_cookies(request, answer, console.database.write(work))
    return answer


@router.post("/account/sessions/end")
def end_own_sessions(console: ConsoleParts, person: Person, which: Typed = OTHERS) -> Response:
    """End one of one's sessions by its number, or all but this one."""
    now = console.clock()
    if which != OTHERS and not which.isdecimal():
        raise NotVisible

    def work(session: Session) -> None:
        if which == OTHERS:
            ended = users.end_sessions(session, person.user_id, now=now, keep=person.session_id)
        elif users.end_session(session, person.user_id, int(which[:18]), now=now):
            ended = 1
        else:
            raise NotVisible
        _note(session, person, AuditAction.SESSION_ENDED, now, sessions=ended)

    console.database.write(work)
    return _done("sessions" if which == OTHERS else "session")


def own_rows(console: Console, person: SignedIn) -> tuple[User, UserSession]:
    """Return the rows of the person and of the session that makes the request."""
    with console.database.reading() as session:
        user = users.user_by_id(session, person.user_id)
        held = users.session_by_id(session, person.session_id)
    if user is None or held is None:
        raise NotVisible
    return user, held


def confirmed(attempt: SignInAttempt, user: User, held: UserSession, password: str) -> str | None:
    """Return the key of the text that says why it is not certain who this is; None: it is."""
    try:
        attempt.confirm(user, held.created_at, password)
    except SignInRefused:
        return "current"
    except SignInBlocked:
        return "blocked"
    return None


def _page(
    request: Request,
    console: Console,
    person: SignedIn,
    *,
    done: str | None = None,
    problem: str | None = None,
) -> HTMLResponse:
    now, idle = console.clock(), timedelta(minutes=console.settings.web.idle_minutes)
    user, held = own_rows(console, person)
    with console.database.reading() as session:
        open_sessions = users.open_sessions(session, user.id, now=now, idle=idle)
        companies = company_slugs(session, person.view)
        factor = {
            "app": user.totp_secret is not None,
            "passkeys": len(second_factors.passkeys_of(session, user.id)),
            "codes": second_factors.count_recovery_codes(session, user.id),
        }
    return render(
        request,
        "account.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        user=user,
        roles=[(companies.get(company or 0), role) for company, role in person.roles.items()],
        sessions=open_sessions,
        factor=factor,
        zones=zones(),
        themes=THEMES,
        asks_again=asks_again(user, held.created_at, now),
        done=done,
        problem=problem,
    )


def _note(session: Session, person: SignedIn, act: AuditAction, now: datetime, **detail: object) -> None:
    audit(session, person, act, now, subject=f"person:{person.name}", company_id=None, **detail)


def _done(what: str) -> RedirectResponse:
    return RedirectResponse(f"{ACCOUNT}?done={what}", HTTPStatus.SEE_OTHER)
