"""Why signing in by the provider is refused. No message holds a token, a code or a claim."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from web.errors import ConsoleError


class OidcReason(StrEnum):
    """docs/reference/errors.md explains each; texts/oidc.toml says it to the person."""

    STATE_MISSING = "oidc_state_missing"
    STATE_WRONG = "oidc_state_wrong"
    STATE_EXPIRED = "oidc_state_expired"
    STATE_USED = "oidc_state_used"
    DENIED = "oidc_denied"
    UNREACHABLE = "oidc_unreachable"
    ANSWER_UNUSABLE = "oidc_answer_unusable"
    CODE_REFUSED = "oidc_code_refused"
    ALGORITHM_REFUSED = "oidc_algorithm_refused"
    KEY_UNKNOWN = "oidc_key_unknown"
    SIGNATURE_WRONG = "oidc_signature_wrong"
    ISSUER_WRONG = "oidc_issuer_wrong"
    AUDIENCE_WRONG = "oidc_audience_wrong"
    NONCE_WRONG = "oidc_nonce_wrong"
    TOKEN_EXPIRED = "oidc_token_expired"  # noqa: S105  (a reason, not a token)
    CLAIMS_UNUSABLE = "oidc_claims_unusable"
    NAME_UNUSABLE = "oidc_name_unusable"
    PERSON_UNKNOWN = "oidc_person_unknown"
    PERSON_DISABLED = "oidc_person_disabled"
    NAME_TAKEN = "oidc_name_taken"
    NO_ROLE = "oidc_no_role"
    BLOCKED = "oidc_blocked"


class OidcRefused(ConsoleError):
    """Signing in by the provider is refused; `why` says more."""

    reason = "oidc_refused"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, reason: OidcReason) -> None:
        super().__init__(reason.value)
        self.why = reason
