"""Signing in by the OpenID provider: the way there, and the answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from configuration.oidc_settings import OidcSettings
from storage import oidc
from storage.sign_in_limits import take_back
from storage.users import SignInMethod
from web.access.cookies import begin_cookies, cookie_of, remove_cookie, set_cookie
from web.access.invitations import console_address
from web.access.next_page import own_page
from web.access.signing_in import SignInAttempt, SignInBlocked
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.oidc.id_token import claims_of_person
from web.oidc.people import person_of_claims
from web.oidc.provider import provider_of
from web.oidc.refusal import OidcReason, OidcRefused
from web.oidc.round_trip import COOKIE, LASTS, RoundTrip, begin_round_trip, round_trip_of
from web.rendering import render

router = APIRouter()
ANSWER = "/oidc/answer"
METHOD = SignInMethod.PROVIDER.value
#: What says nothing about the person who signs in, and so is not counted against the network.
NOT_THE_PERSON = (OidcReason.UNREACHABLE, OidcReason.ANSWER_UNUSABLE)
#: What anybody can make a browser of somebody else send: no entry, and not counted either.
NOT_ASKED_FOR = (OidcReason.STATE_MISSING, OidcReason.STATE_WRONG, OidcReason.STATE_EXPIRED)
Value = Annotated[str, Query(max_length=4000)]

log = structlog.get_logger()


@router.get("/oidc/sign-in")
def leave(
    request: Request,
    console: ConsoleParts,
    wanted: Annotated[str | None, Query(alias="next", max_length=2000)] = None,
) -> Response:
    """Send the browser to the provider."""
    settings = _settings(console)
    trip = begin_round_trip(own_page(wanted), now=console.clock())
    try:
        there = provider_of(settings).address_to_sign_in(trip, _redirect_uri(console))
    except OidcRefused as error:
        return _refused(request, settings, error.why)
    answer = RedirectResponse(there, HTTPStatus.SEE_OTHER)
    set_cookie(request, answer, COOKIE, trip.cookie)
    return answer


@router.get(ANSWER)
def come_back(
    request: Request,
    console: ConsoleParts,
    state: Value = "",
    code: Value = "",
    iss: Value = "",
    error: Value = "",
) -> Response:
    """Begin a session if the provider says who it is."""
    settings, attempt = _settings(console), SignInAttempt(console, request)
    limits = [attempt.network_key()]
    try:
        trip = round_trip_of(cookie_of(request, COOKIE), state, now=console.clock())
        attempt.admit(limits, None, METHOD)
        token = _session_token(attempt, trip, code=code, issuer=iss, denied=bool(error))
    except SignInBlocked:
        return _refused(request, settings, OidcReason.BLOCKED)
    except OidcRefused as refusal:
        why = refusal.why

        def work(session: Session) -> None:
            if why in NOT_THE_PERSON:
                take_back(session, limits, forget=[])
            attempt.write_failure(session, None, METHOD, why.value)

        log.info(
            "Signing in by the provider was refused.", action="provider_sign_in_refused", reason=why.value
        )
        if why not in NOT_ASKED_FOR:
            console.database.write(work)
        return _refused(request, settings, why, ends=why not in NOT_ASKED_FOR)
    answer = RedirectResponse(own_page(trip.next_page), HTTPStatus.SEE_OTHER)
    begin_cookies(request, answer, token)
    remove_cookie(request, answer, COOKIE)
    return answer


def _session_token(attempt: SignInAttempt, trip: RoundTrip, *, code: str, issuer: str, denied: bool) -> str:
    """Return a session's token; raises OidcRefused."""
    console, now = attempt.console, attempt.now
    settings = console.settings.web.oidc
    provider = provider_of(settings)
    if (issuer or provider.metadata().names_issuer) and issuer != settings.issuer:
        raise OidcRefused(OidcReason.ISSUER_WRONG)
    if denied or not code:
        raise OidcRefused(OidcReason.DENIED)
    tokens = provider.tokens_for(code, trip, _redirect_uri(console))
    claims = claims_of_person(provider, settings, tokens, trip, now=now)

    def work(session: Session) -> str | None:
        if not oidc.use_state(session, trip.state, now=now, kept=2 * LASTS):
            raise OidcRefused(OidcReason.STATE_USED)
        user = person_of_claims(session, settings, claims, now=now)
        if user is None:
            return None
        take_back(session, [attempt.network_key()], forget=[])
        return attempt.begin(session, user, SignInMethod.PROVIDER)

    token = console.database.write(work)
    if token is None:
        raise OidcRefused(OidcReason.NO_ROLE)
    return token


def _settings(console: Console) -> OidcSettings:
    """Return the settings of the provider; raises NotVisible if there is none."""
    settings = console.settings.web.oidc
    if not settings.issuer:
        raise NotVisible
    return settings


def _redirect_uri(console: Console) -> str:
    return f"{console_address(console.settings.web)}{ANSWER}"


def _refused(request: Request, settings: OidcSettings, why: OidcReason, *, ends: bool = True) -> Response:
    """Return the page that says why. `ends`: the round trip that this browser began is over."""
    answer = render(
        request,
        "oidc_refused.html",
        person=None,
        status=HTTPStatus.FORBIDDEN,
        why=why.value,
        label=settings.shown_label,
    )
    if ends and cookie_of(request, COOKIE):
        remove_cookie(request, answer, COOKIE)
    return answer
