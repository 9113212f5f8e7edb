"""[web.oidc]: what is refused before anything connects."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from configuration.oidc_settings import OidcSettings
from configuration.settings import Settings
from configuration.web_settings import WebSettings

ISSUER = "https://login.lender.example/realms/staff"
USUAL = {"issuer": ISSUER, "client_id": "spillwatch"}


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER,
        f"{ISSUER}/",
        "https://login.lender.example:8443",
        "http://127.0.0.1:8080/x",
        "http://[::1]:8080",
        "http://localhost",
    ],
)
def test_an_issuer_is_https_or_on_this_machine(issuer: str) -> None:
    assert OidcSettings.model_validate(USUAL | {"issuer": issuer}).issuer == issuer


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.lender.example"},
        {"issuer": "http://127.0.0.1.evil.example"},
        {"issuer": "https://user:secret@login.lender.example"},
        {"issuer": "https://login.lender.example/#x"},
        {"issuer": "https://login.lender.example/?x=1"},
        {"issuer": "https://login.lender.example:port"},
        {"issuer": "https:///x"},
        {"issuer": "https://login.lender.example/a\nb"},
        {"issuer": "login.lender.example"},
        {"client_id": ""},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"scopes": ["profile"]},
        {"scopes": ["openid profile"]},
        {"grants_claim": "groups"},
        {"grants": [{"value": "a", "role": "viewer"}]},
        {"grants_claim": "groups", "grants": [{"value": "a", "role": "owner"}]},
        {"grants_claim": "groups", "grants": [{"value": "", "role": "viewer"}]},
        {"issuer": "", "only": True},
        {"leeway_s": 301},
    ],
    ids=str,
)
def test_what_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OidcSettings.model_validate(USUAL | changes)


def test_a_provider_needs_the_public_address() -> None:
    with pytest.raises(ValidationError, match="public_url"):
        WebSettings.model_validate({"oidc": USUAL})
    assert WebSettings.model_validate({"oidc": USUAL, "public_url": "https://spillwatch.lender.example"})


def test_the_channel_of_the_head_must_exist() -> None:
    with pytest.raises(ValidationError, match="audit_head_channel of \\[web\\]; known: none"):
        Settings(web=WebSettings(audit_head_channel="mail"))
