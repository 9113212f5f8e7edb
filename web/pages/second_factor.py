"""One's second factors: an app that makes codes, passkeys, and recovery codes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from storage import second_factors, users
from storage.users import User, UserSession
from web.access import passkeys, recovery_codes, totp
from web.access.browser_kind import browser_kind
from web.access.cookies import binding
from web.access.signed_in import Person, SignedIn
from web.access.signing_in import SignInAttempt, asks_again
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.pages.account import confirmed, own_rows
from web.rendering import render

router = APIRouter()

PAGE = "/account/second-factor"
SET_UP = "totp set-up"
SET_UP_LASTS = timedelta(hours=1)
DONE = ("welcome", "app", "passkey", "app_removed", "passkey_removed")
MOST_NAME_CHARS = 60
Typed = Annotated[str, Form(max_length=1000)]
Answer = Annotated[str, Form(max_length=passkeys.MOST_CHARS)]


@router.get(PAGE)
def second_factor_page(
    request: Request, console: ConsoleParts, person: Person, done: str | None = None
) -> HTMLResponse:
    return _page(request, console, person, done=done if done in DONE else None)


@router.post("/account/second-factor/app")
def add_app(
    request: Request,
    console: ConsoleParts,
    person: Person,
    set_up: Typed = "",
    code: Typed = "",
    password: Typed = "",
) -> Response:
    """Store the secret of an app whose code proves that it was read."""
    attempt = SignInAttempt(console, request)
    user, held = _rows_with_password(console, person)
    secret = _offered_secret(console, user, held, set_up)
    step = None if secret is None else totp.step_of_code(secret, code, now=console.clock())
    problem = confirmed(attempt, user, held, password) if step is not None else "code" if secret else "late"
    if problem is not None or secret is None:
        return _page(request, console, person, problem=problem, secret=secret)
    sealed = totp.sealed_secret(console.keys, user.id, secret)

    def work(session: Session) -> list[str] | None:
        locked = users.lock_user(session, user.id)
        if locked is None or locked.totp_secret is not None:
            raise NotVisible
        second_factors.set_totp(session, user.id, sealed, step)
        _note(session, person, console.clock(), factor="app", change="added")
        return _first_codes(session, user.id, console.clock())

    return _codes_or(request, person, console.database.write(work), "app")


@router.post("/account/second-factor/app/remove")
def remove_app(request: Request, console: ConsoleParts, person: Person, password: Typed = "") -> Response:
    attempt = SignInAttempt(console, request)
    user, held = own_rows(console, person)
    if problem := confirmed(attempt, user, held, password):
        return _page(request, console, person, problem=problem)

    def work(session: Session) -> None:
        locked = users.lock_user(session, user.id)
        if locked is None or locked.totp_secret is None:
            raise NotVisible
        second_factors.set_totp(session, user.id, None, None)
        _after_removal(session, user.id)
        _note(session, person, console.clock(), factor="app", change="removed")

    console.database.write(work)
    return _done("app_removed")


@router.post("/account/second-factor/passkeys")
def add_passkey(
    request: Request,
    console: ConsoleParts,
    person: Person,
    credential: Answer = "",
    name: Typed = "",
    password: Typed = "",
) -> Response:
    attempt, now = SignInAttempt(console, request), console.clock()
    user, held = _rows_with_password(console, person)
    if problem := confirmed(attempt, user, held, password):
        return _page(request, console, person, problem=problem)
    party, challenge = passkeys.relying_party(request), passkeys.challenge_of(credential)
    ends = console.keys.challenge_ends(challenge, binding(request), now=now)
    made = passkeys.added_passkey(party, credential, challenge) if party and ends else None
    if made is None or ends is None:
        return _page(request, console, person, problem="passkey")
    shown = " ".join(name.split())[:MOST_NAME_CHARS] or browser_kind(request.headers.get("user-agent", ""))

    def work(session: Session) -> tuple[bool, list[str] | None]:
        users.lock_user(session, user.id)
        added = second_factors.use_challenge(
            session, challenge, ends, now=now
        ) and second_factors.add_passkey(
            session,
            user.id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            name=shown or "Passkey",
            now=now,
        )
        if not added:
            return False, None
        _note(session, person, now, factor="passkey", change="added", name=shown)
        return True, _first_codes(session, user.id, now)

    added, codes = console.database.write(work)
    if not added:
        return _page(request, console, person, problem="passkey")
    return _codes_or(request, person, codes, "passkey")


@router.post("/account/second-factor/passkeys/{passkey_id}/remove")
def remove_passkey(
    request: Request, console: ConsoleParts, person: Person, passkey_id: int, password: Typed = ""
) -> Response:
    attempt = SignInAttempt(console, request)
    user, held = own_rows(console, person)
    if problem := confirmed(attempt, user, held, password):
        return _page(request, console, person, problem=problem)

    def work(session: Session) -> None:
        users.lock_user(session, user.id)
        name = second_factors.remove_passkey(session, user.id, passkey_id)
        if name is None:
            raise NotVisible
        _after_removal(session, user.id)
        _note(session, person, console.clock(), factor="passkey", change="removed", name=name)

    console.database.write(work)
    return _done("passkey_removed")


@router.post("/account/second-factor/codes")
def make_new_codes(request: Request, console: ConsoleParts, person: Person, password: Typed = "") -> Response:
    """Replace the recovery codes, and show the new ones once."""
    attempt, now = SignInAttempt(console, request), console.clock()
    user, held = own_rows(console, person)
    if problem := confirmed(attempt, user, held, password):
        return _page(request, console, person, problem=problem)
    codes = recovery_codes.new_recovery_codes()

    def work(session: Session) -> None:
        users.lock_user(session, user.id)
        if not second_factors.has_second_factor(session, user.id):
            raise NotVisible
        second_factors.replace_recovery_codes(session, user.id, codes, now=now)
        _note(session, person, now, factor="recovery_codes", change="replaced")

    console.database.write(work)
    return _codes_or(request, person, codes, "app")


def _rows_with_password(console: Console, person: SignedIn) -> tuple[User, UserSession]:
    """Return the rows of somebody who has a password; raises NotVisible.

    For everybody else it is the identity provider that lets them in, and keeps them out when they have left.
    """
    user, held = own_rows(console, person)
    if user.password_hash is None:
        raise NotVisible
    return user, held


def _first_codes(session: Session, user_id: int, now: datetime) -> list[str] | None:
    """Make recovery codes with the first second factor; None: the person has some."""
    if second_factors.count_recovery_codes(session, user_id):
        return None
    codes = recovery_codes.new_recovery_codes()
    second_factors.replace_recovery_codes(session, user_id, codes, now=now)
    return codes


def _after_removal(session: Session, user_id: int) -> None:
    """Recovery codes stand in for a second factor, so they go with the last one."""
    if not second_factors.has_second_factor(session, user_id):
        second_factors.remove_second_factors(session, user_id)


def _offered_secret(console: Console, user: User, held: UserSession, set_up: str) -> str | None:
    """Return the secret that the page offered to this session within the last hour."""
    text = console.keys.unseal(SET_UP, f"{user.id} {held.id}", set_up)
    if text is None:
        return None
    secret, until = json.loads(text)
    return str(secret) if console.clock().timestamp() < until else None


def _page(
    request: Request,
    console: Console,
    person: SignedIn,
    *,
    done: str | None = None,
    problem: str | None = None,
    secret: str | None = None,
) -> HTMLResponse:
    """`secret`: the one that was offered before, so that a wrong code does not change the picture."""
    now = console.clock()
    user, held = own_rows(console, person)
    with console.database.reading() as session:
        known = second_factors.passkeys_of(session, user.id)
        codes = second_factors.count_recovery_codes(session, user.id)
    offered = secret or totp.new_secret()
    until = (now + SET_UP_LASTS).timestamp()
    return render(
        request,
        "account_second_factor.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        by_provider=user.password_hash is None,
        has_app=user.totp_secret is not None,
        passkeys=known,
        codes=codes,
        secret=offered,
        picture=totp.set_up_code(offered, user.name, totp.ISSUER),
        set_up=console.keys.seal(SET_UP, f"{user.id} {held.id}", json.dumps([offered, until])),
        options=_passkey_options(request, console, user, list(known)),
        asks_again=asks_again(user, held.created_at, now),
        required=console.settings.web.require_second_factor,
        done=done,
        problem=problem,
    )


def _passkey_options(
    request: Request, console: Console, user: User, known: list[second_factors.Passkey]
) -> str | None:
    """Return what the browser is asked for a new passkey; None: there are no passkeys for this address."""
    party = passkeys.relying_party(request)
    if party is None:
        return None
    handle = user.passkey_handle or console.database.write(
        lambda session: second_factors.passkey_handle(session, user.id)
    )
    challenge = SignInAttempt(console, request).challenge()
    return passkeys.options_to_add(party, handle=handle, name=user.name, challenge=challenge, known=known)


def _codes_or(request: Request, person: SignedIn, codes: list[str] | None, done: str) -> Response:
    """Show new recovery codes, or go back to the page."""
    if codes is None:
        return _done(done)
    shown = [recovery_codes.as_shown(code) for code in codes]
    return render(request, "recovery_codes.html", person=person, codes=shown)


def _note(session: Session, person: SignedIn, now: datetime, **detail: object) -> None:
    act = AuditAction.SECOND_FACTOR_CHANGED
    audit(session, person, act, now, subject=f"person:{person.name}", company_id=None, **detail)


def _done(what: str) -> RedirectResponse:
    return RedirectResponse(f"{PAGE}?done={what}", HTTPStatus.SEE_OTHER)
