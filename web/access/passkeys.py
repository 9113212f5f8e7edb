"""Passkeys (WebAuthn): what a browser is asked, and whether its answer is right.

A passkey verifies its person (by PIN, finger or face), so it stands for password and second factor. It works
for the host name under which it was added, over TLS or on localhost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, cast

from fastapi import Request
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from storage.second_factors import Passkey
from web.access.cookies import is_secure
from web.access.keys import decoded, encoded
from web.access.totp import ISSUER

LASTS = timedelta(minutes=5)
MOST_CHARS = 16 * 1024  # of an answer


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The host that a passkey belongs to, and the origin of its pages."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewPasskey:
    credential_id: str
    public_key: str
    sign_count: int


def relying_party(request: Request) -> RelyingParty | None:
    """Return the host by which the console is open; None: browsers have no passkeys for it."""
    host, secure = request.url.hostname or "", is_secure(request)
    if not host or not (secure or host == "localhost" or host.endswith(".localhost")):
        return None
    try:
        ip_address(host)
    except ValueError:
        return RelyingParty(host, f"{'https' if secure else 'http'}://{request.headers.get('host', '')}")
    return None


def options_to_add(
    party: RelyingParty, *, handle: str, name: str, challenge: bytes, known: list[Passkey]
) -> str:
    """Return the options of navigator.credentials.create as JSON."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=ISSUER,
        user_id=decoded(handle),
        user_name=name,
        challenge=challenge,
        timeout=int(LASTS.total_seconds() * 1000),
        exclude_credentials=[PublicKeyCredentialDescriptor(decoded(key.credential_id)) for key in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return options_to_json(options)


def options_to_sign_in(party: RelyingParty, *, challenge: bytes) -> str:
    """Return the options of navigator.credentials.get as JSON. The browser offers the passkeys it has."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=int(LASTS.total_seconds() * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def added_passkey(party: RelyingParty, answer: str, challenge: bytes) -> NewPasskey | None:
    """Return the passkey that a browser made; None: the answer is wrong."""
    credential = _read(answer)
    if credential is None:
        return None
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return NewPasskey(
        encoded(verified.credential_id), encoded(verified.credential_public_key), verified.sign_count
    )


def credential_id_of(answer: str) -> str | None:
    """Return which passkey answered; None: this is no answer of a browser."""
    credential = _read(answer)
    if credential is None:
        return None
    try:
        return encoded(parse_authentication_credential_json(credential).raw_id)
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None


def sign_count_of_answer(party: RelyingParty, answer: str, passkey: Passkey, challenge: bytes) -> int | None:
    """Return the counter of a right answer; None: the answer is wrong. Its own check is of the row."""
    credential = _read(answer)
    if credential is None:
        return None
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=decoded(passkey.public_key),
            credential_current_sign_count=0,  # compared in the UPDATE, so that two at once cannot both pass
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return verified.new_sign_count


def challenge_of(answer: str) -> bytes:
    """Return the challenge that an answer names; b"" if it names none. It is not verified yet."""
    credential = _read(answer)
    if credential is None:
        return b""
    try:
        data = json.loads(decoded(credential["response"]["clientDataJSON"]))
        return decoded(data["challenge"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _read(answer: str) -> dict[str, Any] | None:
    if len(answer) > MOST_CHARS:
        return None
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
