"""The page of an invitation: a person chooses a name and a password, and is signed in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from storage import users
from storage.invitations import Invitation, invited_person, use_invitation
from storage.second_factors import has_second_factor
from storage.users import SignInMethod, User
from web.access import passwords
from web.access.cookies import begin_cookies, keep_guest, welcome_guest
from web.access.signing_in import SignInAttempt
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.rendering import render

router = APIRouter()

SIGN_IN = "/sign-in"
AFTERWARDS = "/account/second-factor?done=welcome"
MOST_TOKEN_CHARS = 200
Typed = Annotated[str, Form(max_length=1000)]


@router.get("/welcome/{token}")
def welcome_page(request: Request, console: ConsoleParts, token: str) -> Response:
    return _page(request, console, token)


@router.post("/welcome/{token}")
def begin(
    request: Request,
    console: ConsoleParts,
    token: str,
    password: Typed = "",
    again: Typed = "",
    name: Typed = "",
) -> Response:
    """Set name and password. The name is that of the invitation if the person was here before."""
    found = _invited(console, token)
    if found is None:
        return _page(request, console, token)
    invitation, user = found
    chosen = users.folded_name(name) if user.last_seen_at is None and name else user.name
    problem = "name" if chosen is None else passwords.why_too_weak(password, chosen)
    if problem is None and password != again:
        problem = "different"
    if problem is not None or chosen is None:
        return _page(request, console, token, problem=problem, name=name)
    hashed, attempt, now = passwords.hash_of(password), SignInAttempt(console, request), console.clock()

    def work(session: Session) -> str | None:
        held = users.lock_user(session, user.id)
        if held is None or not held.active or not users.rename_user(session, held, chosen):
            return ""
        if not use_invitation(session, invitation.id, now=now):
            return None
        held.password_hash = hashed
        users.end_sessions(session, held.id, now=now)
        act, subject = AuditAction.PERSON_CHANGED, f"person:{held.name}"
        audit(session, held, act, now, subject=subject, password="set", invited_as=user.name)  # noqa: S106
        if has_second_factor(session, held.id):
            return SIGN_IN  # a link takes the place of the password only
        return attempt.begin(session, held, SignInMethod.INVITATION)

    begun = console.database.write(work)
    if not begun:
        return _page(request, console, token, problem="name_taken" if begun == "" else None, name=name)
    if begun == SIGN_IN:
        return RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    answer = RedirectResponse(AFTERWARDS, HTTPStatus.SEE_OTHER)
    begin_cookies(request, answer, begun)
    return answer


def _invited(console: Console, token: str) -> tuple[Invitation, User] | None:
    if len(token) > MOST_TOKEN_CHARS:
        return None
    with console.database.reading() as session:
        return invited_person(session, token, now=console.clock())


def _page(
    request: Request, console: Console, token: str, *, problem: str | None = None, name: str = ""
) -> Response:
    found = _invited(console, token)
    welcome_guest(request)
    status = (
        HTTPStatus.GONE if found is None else HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    )
    answer = render(
        request,
        "welcome.html",
        person=None,
        status=status,
        user=found[1] if found else None,
        name=name or (found[1].name if found else ""),
        problem=problem,
    )
    keep_guest(request, answer)
    return answer
