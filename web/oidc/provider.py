"""A provider: its addresses and keys, and the requests to it, within bounds of size and time.

Addresses and keys are kept for an hour. A token whose key is not among them makes the keys be fetched again,
once: providers change their keys before they use the new ones.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic as clock
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from alerts.errors import DeliveryError
from alerts.transports.tls import context_for
from configuration.oidc_settings import ClientAuthentication, OidcSettings, check_endpoint
from web.oidc.refusal import OidcReason, OidcRefused
from web.oidc.round_trip import RoundTrip

WELL_KNOWN = "/.well-known/openid-configuration"
MAX_BYTES = 512 * 1024  # of one answer
MAX_KEYS = 100
KEPT_S = 3600.0
KEPT_IF_UNREACHABLE_S = 24 * 3600.0
MAX_TOKEN_CHARS = 64 * 1024
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")  # RFC 6749, 5.2: words such as invalid_grant

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the discovery document says, as far as it is used."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    names_issuer: bool  # in each answer to the browser (RFC 9207)


@dataclass(frozen=True, slots=True)
class Tokens:
    id_token: str
    access_token: str | None


class Provider:
    """Safe to use from several threads at once."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def address_to_sign_in(self, trip: RoundTrip, redirect_uri: str) -> str:
        """Return the provider's page for a browser."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": trip.state,
            "nonce": trip.nonce,
            "code_challenge": create_s256_code_challenge(trip.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self.metadata().authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def metadata(self) -> Metadata:
        """Return the addresses, those of the last hour if there are any; raises OidcRefused."""
        with self._lock:
            if self._metadata is not None and _age(self._metadata) < KEPT_S:
                return self._metadata[1]
            try:
                found = self._fetch_metadata()
            except OidcRefused as error:
                if self._metadata is None or _age(self._metadata) >= KEPT_IF_UNREACHABLE_S:
                    raise
                log.warning(
                    "The OpenID provider's addresses cannot be fetched; the earlier ones are used.",
                    action="provider_unreachable",
                    reason=error.why.value,
                )
                return self._metadata[1]
            self._metadata = (clock(), found)
            return found

    def _fetch_metadata(self) -> Metadata:
        issuer = self._settings.issuer
        said = self._json("GET", f"{issuer.rstrip('/')}{WELL_KNOWN}")
        if said.get("issuer") != issuer:
            raise OidcRefused(OidcReason.ISSUER_WRONG)
        userinfo = said.get("userinfo_endpoint")
        return Metadata(
            authorization_endpoint=_endpoint(said.get("authorization_endpoint")),
            token_endpoint=_endpoint(said.get("token_endpoint")),
            jwks_uri=_endpoint(said.get("jwks_uri")),
            userinfo_endpoint=None if userinfo is None else _endpoint(userinfo),
            names_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def keys(self, *, again: bool = False) -> KeySet:
        """Return the keys that sign tokens; `again`: fetch them even if they are known."""
        address = self.metadata().jwks_uri
        with self._lock:
            if not again and self._keys is not None and _age(self._keys) < KEPT_S:
                return self._keys[1]
            found = _usable_keys(self._json("GET", address).get("keys"))
            self._keys = (clock(), found)
            return found

    def tokens_for(self, code: str, trip: RoundTrip, redirect_uri: str) -> Tokens:
        """Exchange a code for tokens; raises OidcRefused."""
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": trip.verifier,
        }
        secret = settings.client_secret.get_secret_value() if settings.client_secret else None
        auth = None
        if secret is not None and settings.client_authentication is ClientAuthentication.BASIC:
            auth = httpx.BasicAuth(*(urlencode({"": each})[1:] for each in (settings.client_id, secret)))
        else:
            form |= {"client_id": settings.client_id} | ({"client_secret": secret} if secret else {})
        said = self._json("POST", self.metadata().token_endpoint, form=form, auth=auth)
        id_token, access_token = said.get("id_token"), said.get("access_token")
        if not isinstance(id_token, str) or len(id_token) > MAX_TOKEN_CHARS:
            raise OidcRefused(OidcReason.ANSWER_UNUSABLE)
        return Tokens(id_token, access_token if isinstance(access_token, str) else None)

    def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return the claims that the provider does not put into ID tokens; {}: it has no such address."""
        address = self.metadata().userinfo_endpoint
        if address is None or not access_token.isascii() or not access_token.isprintable():
            return {}
        return self._json("GET", address, headers={"Authorization": f"Bearer {access_token}"})

    def _json(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the JSON object that an address answers with; raises OidcRefused."""
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        until = clock() + self._settings.timeout_s
        try:
            with (
                httpx.Client(
                    verify=context_for(self._settings.ca_file) if url.startswith("https:") else False,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=self._settings.timeout_s,
                ) as client,
                client.stream(method, url, data=form, auth=auth, headers=asked) as response,
            ):
                body = _read_bounded(response, until)
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, DeliveryError) as error:
            log.warning(
                "The OpenID provider does not answer.",
                action="provider_unreachable",
                error=type(error).__name__,
            )
            raise OidcRefused(OidcReason.UNREACHABLE) from None
        answer = _object_in(body)
        if status != httpx.codes.OK:
            code = str(answer.get("error")) if answer else ""
            log.warning(
                "The OpenID provider refuses a request.",
                action="provider_refuses",
                status=status,
                error=code if _ERROR_CODE.fullmatch(code) else None,
            )
            refused = form is not None and 400 <= status < 500
            raise OidcRefused(OidcReason.CODE_REFUSED if refused else OidcReason.UNREACHABLE)
        if answer is None:
            raise OidcRefused(OidcReason.ANSWER_UNUSABLE)
        return answer


def _object_in(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _read_bounded(response: httpx.Response, until: float) -> bytes:
    """Return the body as it came; raises OidcRefused if it is too long, too slow or packed."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise OidcRefused(OidcReason.ANSWER_UNUSABLE)
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise OidcRefused(OidcReason.ANSWER_UNUSABLE)
        if clock() > until:
            raise OidcRefused(OidcReason.UNREACHABLE)
    return bytes(body)


def _endpoint(value: object) -> str:
    try:
        return check_endpoint(value if isinstance(value, str) else "")
    except ValueError:
        raise OidcRefused(OidcReason.ANSWER_UNUSABLE) from None


def _usable_keys(said: object) -> KeySet:
    """Return the public keys for signatures. A symmetric key among them would be known to everybody."""
    kinds: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    found: list[Key] = []
    for each in said[:MAX_KEYS] if isinstance(said, list) else ():
        kind = kinds.get(str(each.get("kty"))) if isinstance(each, dict) else None
        if kind is None or each.get("use", "sig") != "sig":
            continue
        try:
            found.append(kind.import_key(each))
        except (JoseError, ValueError, TypeError):
            continue  # a key of a kind that is not known here
    if not found:
        raise OidcRefused(OidcReason.ANSWER_UNUSABLE)
    return KeySet(found)


def _age(kept: tuple[float, object]) -> float:
    return clock() - kept[0]


@lru_cache(maxsize=4)
def provider_of(settings: OidcSettings) -> Provider:
    """Return the provider of these settings, with what it has fetched before."""
    return Provider(settings)
