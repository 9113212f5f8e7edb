"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from storage import users
from storage.second_factors import passkeys_of
from web.access import passkeys
from web.access.cookies import (
    COOKIE,
    HALF_WAY,
    begin_cookies,
    cookie_of,
    keep_guest,
    remove_cookie,
    set_cookie,
    welcome_guest,
)
from web.access.next_page import HOME, own_page
from web.access.signed_in import person_if_signed_in
from web.access.signing_in import SignInAttempt, SignInBlocked, SignInRefused
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import ConsoleError, SignInBusy
from web.rendering import render

router = APIRouter()

SIGN_IN = "/sign-in"
SECOND = "/sign-in/second-factor"
#: What the page says after a refusal, by the slug in its address.
PROBLEMS = ("refused", "blocked", "busy", "late")
SAID = {SignInBlocked.reason: "blocked", SignInBusy.reason: "busy"}
Next = Annotated[str | None, Query(alias="next", max_length=2000)]
NextField = Annotated[str, Form(alias="next", max_length=2000)]
Answer = Annotated[str, Form(max_length=passkeys.MOST_CHARS)]
Typed = Annotated[str, Form(max_length=1000)]


@router.get(SIGN_IN)
def sign_in_page(
    request: Request,
    console: ConsoleParts,
    wanted: Next = None,
    problem: str | None = None,
    done: str | None = None,
) -> Response:
    if person_if_signed_in(request, console) is not None:
        return _to(own_page(wanted))
    welcome_guest(request)
    attempt, party = SignInAttempt(console, request), passkeys.relying_party(request)
    answer = render(
        request,
        "sign_in.html",
        person=None,
        wanted=own_page(wanted),
        problem=problem if problem in PROBLEMS else None,
        signed_out=done == "signed_out",
        nobody_yet=_is_nobody_invited(console),
        passkey=passkeys.options_to_sign_in(party, challenge=attempt.challenge()) if party else None,
        oidc=console.settings.web.oidc,
        next_query="" if own_page(wanted) == HOME else urlencode({"next": own_page(wanted)}),
    )
    keep_guest(request, answer)
    return answer


@router.post(SIGN_IN)
def sign_in(
    request: Request, console: ConsoleParts, name: Typed = "", password: Typed = "", wanted: NextField = HOME
) -> Response:
    attempt = SignInAttempt(console, request)
    try:
        token = attempt.by_password(name, password)
    except (SignInRefused, SignInBlocked, SignInBusy) as error:
        return _again(SIGN_IN, error, wanted)
    if token is None:
        answer = _to(SECOND, wanted=wanted)
        set_cookie(request, answer, HALF_WAY, attempt.half_way(name))
        return answer
    return _signed_in(request, token, wanted)


@router.post("/sign-in/passkey")
def sign_in_by_passkey(
    request: Request, console: ConsoleParts, credential: Answer, wanted: NextField = HOME
) -> Response:
    try:
        token = SignInAttempt(console, request).by_passkey(credential)
    except (SignInRefused, SignInBlocked) as error:
        return _again(SIGN_IN, error, wanted)
    return _signed_in(request, token, wanted)


@router.get(SECOND)
def second_factor_page(
    request: Request, console: ConsoleParts, wanted: Next = None, problem: str | None = None
) -> Response:
    attempt, party = SignInAttempt(console, request), passkeys.relying_party(request)
    user = attempt.half_way_person()
    if user is None:
        return _to(SIGN_IN, wanted=wanted or HOME, problem="late")
    with console.database.reading() as session:
        has_passkeys = bool(passkeys_of(session, user.id))
    options = passkeys.options_to_sign_in(party, challenge=attempt.challenge()) if party else None
    return render(
        request,
        "second_factor.html",
        person=None,
        wanted=own_page(wanted),
        problem=problem if problem in PROBLEMS else None,
        has_app=user.totp_secret is not None,
        has_passkeys=has_passkeys,
        passkey=options if has_passkeys else None,
    )


@router.post(SECOND)
def second_factor(
    request: Request,
    console: ConsoleParts,
    code: Typed = "",
    credential: Answer = "",
    wanted: NextField = HOME,
) -> Response:
    attempt = SignInAttempt(console, request)
    user = attempt.half_way_person()
    if user is None:
        return _to(SIGN_IN, wanted=wanted, problem="late")
    try:
        token = attempt.by_passkey(credential, only=user) if credential else attempt.by_code(user, code)
    except (SignInRefused, SignInBlocked) as error:
        return _again(SECOND, error, wanted)
    return _signed_in(request, token, wanted)


@router.post("/sign-out")
def sign_out(request: Request, console: ConsoleParts) -> Response:
    person, now = person_if_signed_in(request, console), console.clock()
    answer = _to(SIGN_IN, done="signed_out")
    for name in (COOKIE, HALF_WAY):
        if cookie_of(request, name):
            remove_cookie(request, answer, name)
    if person is not None:
        with console.database.transaction() as session:
            users.end_session(session, person.user_id, person.session_id, now=now)
            audit(session, person, AuditAction.SIGN_OUT, now, subject=f"person:{person.name}")
    return answer


def _is_nobody_invited(console: Console) -> bool:
    with console.database.reading() as session:
        return not users.is_anybody_there(session)


def _signed_in(request: Request, token: str, wanted: str) -> Response:
    answer = _to(own_page(wanted))
    begin_cookies(request, answer, token)
    return answer


def _again(page: str, error: ConsoleError, wanted: str) -> Response:
    problem = SAID.get(error.reason, "refused")
    return _to(page, wanted=wanted, problem=problem)


def _to(page: str, *, wanted: str = HOME, **said: str) -> RedirectResponse:
    back = own_page(wanted)
    query = urlencode(said | ({} if back == HOME else {"next": back}))
    return RedirectResponse(f"{page}?{query}" if query else page, HTTPStatus.SEE_OTHER)
