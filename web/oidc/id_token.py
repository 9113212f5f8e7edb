"""An ID token: its signature, with an algorithm of the settings, and its claims (OIDC Core, 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry

from configuration.oidc_settings import OidcSettings
from web.oidc.provider import Provider, Tokens
from web.oidc.refusal import OidcReason, OidcRefused
from web.oidc.round_trip import RoundTrip

MAX_HEADER_BYTES = 16 * 1024  # some providers put their certificates into it
MAX_SUBJECT_CHARS = 255  # OpenID Connect Core, 2
_BY_CLAIM = {
    "iss": OidcReason.ISSUER_WRONG,
    "aud": OidcReason.AUDIENCE_WRONG,
    "azp": OidcReason.AUDIENCE_WRONG,
    "nonce": OidcReason.NONCE_WRONG,
    "exp": OidcReason.TOKEN_EXPIRED,
}


class IdTokenHeaders(JWSRegistry):
    """Headers may be longer than joserfc allows, and have fields of the provider's own; `crit` counts."""

    max_header_length = MAX_HEADER_BYTES

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


def claims_of_person(
    provider: Provider, settings: OidcSettings, tokens: Tokens, trip: RoundTrip, *, now: datetime
) -> Mapping[str, Any]:
    """Return the verified claims, with those that the provider keeps for its userinfo address."""
    claims = verified_claims(provider, settings, tokens, trip, now=now)
    needed = {settings.name_claim, settings.grants_claim} - {""}
    if tokens.access_token is None or needed <= claims.keys():
        return claims
    more = provider.userinfo(tokens.access_token)
    if more and more.get("sub") != claims["sub"]:  # somebody else's (OIDC Core, 5.3.2)
        raise OidcRefused(OidcReason.CLAIMS_UNUSABLE)
    return {**more, **claims}


def verified_claims(
    provider: Provider, settings: OidcSettings, tokens: Tokens, trip: RoundTrip, *, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of an ID token that is meant for this sign-in; raises OidcRefused."""
    token = _verified(provider, settings, tokens.id_token)
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": settings.issuer},
            "sub": {"essential": True},
            "aud": {"essential": True, "value": settings.client_id},
        },
        {"nonce": trip.nonce, "client_id": settings.client_id, "access_token": tokens.access_token},
    )
    try:
        claims.validate(now=int(now.timestamp()), leeway=settings.leeway_s)
    except ExpiredTokenError:
        raise OidcRefused(OidcReason.TOKEN_EXPIRED) from None
    except (InvalidClaimError, MissingClaimError) as error:
        raise OidcRefused(_BY_CLAIM.get(error.claim, OidcReason.CLAIMS_UNUSABLE)) from None
    except (JoseError, ValueError, TypeError):
        raise OidcRefused(OidcReason.CLAIMS_UNUSABLE) from None
    if not 0 < len(token.claims["sub"]) <= MAX_SUBJECT_CHARS:
        raise OidcRefused(OidcReason.CLAIMS_UNUSABLE)
    return token.claims


def _verified(provider: Provider, settings: OidcSettings, text: str) -> jwt.Token:
    """Return the token if a key of the provider has signed it. Only then its claims are looked at."""
    allowed = [algorithm.value for algorithm in settings.algorithms]
    registry = IdTokenHeaders(allowed)
    header = _header_of(text, registry)
    if header.get("alg") not in allowed:
        raise OidcRefused(OidcReason.ALGORITHM_REFUSED)
    keys = _keys_for(header, provider.keys()) or _keys_for(header, provider.keys(again=True))
    if not keys:
        raise OidcRefused(OidcReason.KEY_UNKNOWN)
    for key in keys:
        try:
            return jwt.decode(text, key, algorithms=allowed, registry=registry)
        except BadSignatureError:
            continue
        except (JoseError, ValueError, TypeError):
            raise OidcRefused(OidcReason.CLAIMS_UNUSABLE) from None
    raise OidcRefused(OidcReason.SIGNATURE_WRONG)


def _header_of(text: str, registry: IdTokenHeaders) -> Mapping[str, Any]:
    try:
        return jws.extract_compact(text.encode(), registry=registry).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise OidcRefused(OidcReason.CLAIMS_UNUSABLE) from None


def _keys_for(header: Mapping[str, Any], keys: KeySet) -> Sequence[Key]:
    """Return the keys that may have signed a token: of its kind, for its algorithm, and with its name."""
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    algorithm, name = str(header["alg"]), header.get("kid")
    return [
        key
        for key in keys
        if key.key_type == kinds[algorithm[:2]]
        and key.get("alg") in (None, algorithm)
        and name in (None, key.kid)
    ]
