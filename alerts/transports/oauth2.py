"""An OAuth2 access token for the mail server, which Microsoft and Google require instead of a password.

One POST to the token endpoint (RFC 6749): with a refresh token if there is one (section 6), else with the
client's own credentials (section 4.4). Each attempt asks for a token of its own: alerts are rare, and a token
that is kept may have been withdrawn.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx

from alerts.errors import (
    AuthenticationRefused,
    ConnectionDropped,
    ConnectionFailed,
    DeliveryTimedOut,
    TemporarilyRefused,
)
from alerts.settings import OAuth2Settings
from alerts.transports.proxy import ProxyPhase, address_of, client_proxy, own_answer, proxy_failure
from alerts.transports.tls import certificate_error, context_for

ANSWER_LIMIT = 65_536  # bytes; a token has a few thousand
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")  # RFC 6749, 5.2: the codes are words such as invalid_grant


async def request_access_token(settings: OAuth2Settings, *, ca_file: Path | None, timeout_s: float) -> str:
    """Return an access token; raises DeliveryError."""
    url, context = httpx.URL(settings.token_url), context_for(ca_file)
    host, proxy = url.host, address_of(settings.proxy)
    phase = ProxyPhase(proxy) if proxy else None
    form = {"client_id": settings.client_id}
    if settings.client_secret is not None:
        form["client_secret"] = settings.client_secret.get_secret_value()
    if settings.scope is not None:
        form["scope"] = settings.scope
    if settings.refresh_token is None:
        form["grant_type"] = "client_credentials"
    else:
        form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token.get_secret_value()}
    try:
        async with (
            httpx.AsyncClient(
                verify=context,
                proxy=client_proxy(proxy, context),
                trust_env=False,
                follow_redirects=False,
                timeout=timeout_s,
            ) as client,
            client.stream(
                "POST", url, data=form, extensions={"trace": phase.note} if phase else None
            ) as response,
        ):
            if phase and (failure := own_answer(phase, url, response.status_code)) is not None:
                raise failure
            body = await _read_bounded(response)
    except httpx.TimeoutException as error:
        raise DeliveryTimedOut(
            f"The token server {host} did not answer within {timeout_s:g} s. Spillwatch tries again."
        ) from error
    except httpx.ConnectError as error:
        if phase and (failure := proxy_failure(error, phase, host)) is not None:
            raise failure from error
        raise certificate_error(error, host=host) or ConnectionFailed(
            f"Cannot connect to the token server {host}. Check oauth2.token_url and the firewall."
        ) from error
    except httpx.HTTPError as error:
        if phase and (failure := proxy_failure(error, phase, host)) is not None:
            raise failure from error
        raise ConnectionDropped(
            f"The token server {host} closed the connection or did not answer in HTTP "
            f"({type(error).__name__})."
        ) from error
    return _token_of(response.status_code, body, host)


async def _read_bounded(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            return b""
    return body


def _token_of(status: int, body: bytes, host: str) -> str:
    """Return the token of an answer. What the server says beyond the error's code may name the account."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
        return token
    if status == 429 or status >= 500:
        raise TemporarilyRefused(
            f"The token server {host} answered {status}. Spillwatch tries again.", status_code=status
        )
    code = answer.get("error") if isinstance(answer, dict) else None
    known = f" {code}" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""
    raise AuthenticationRefused(
        f"The token server {host} gave no access token: {status}{known}. Check client_id, client_secret, "
        "scope and refresh_token under oauth2, then run `spillwatch alerts test`.",
        status_code=status,
    )
