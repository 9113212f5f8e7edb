"""Settings of signing in by an OpenID provider: the section [web.oidc].

[web.oidc]
issuer = "https://login.lender.example/realms/staff"
client_id = "spillwatch"
client_secret_file = "/etc/spillwatch/oidc-secret"
grants_claim = "groups"

[[web.oidc.grants]]
value = "leak-analysts"
role = "analyst"
company = "lender"
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from storage.users import Role


class SigningAlgorithm(StrEnum):
    """How an ID token may be signed: with a private key of the provider. No shared secret, never `none`."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    ED25519 = "Ed25519"
    EDDSA = "EdDSA"  # the older name of the same


class ClientAuthentication(StrEnum):
    """How Spillwatch shows its client secret at the token endpoint (RFC 6749, 2.3.1)."""

    BASIC = "basic"
    POST = "post"


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_endpoint(url: str) -> str:
    """Return an address of a provider; raises ValueError unless it is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("an address that begins with https://") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not secure or not host or parts.username is not None or parts.fragment or not url.isprintable():
        raise ValueError("an address that begins with https:// (http:// only on this machine)")
    return url


def _check_issuer(issuer: str) -> str:
    if not issuer:
        return issuer
    if urlsplit(check_endpoint(issuer)).query:
        raise ValueError("an address without a query, exactly as the provider's tokens have it")
    return issuer


class OidcGrant(BaseModel):
    """[[web.oidc.grants]]: what people have whose claim has a value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="A value of the claim, such as a group."
    )
    role: Role = Field(description="viewer, analyst or admin.")
    company: str | None = Field(
        default=None, description="Slug of the company; without it, the role is for the whole installation."
    )


class OidcSettings(BaseModel):
    """[web.oidc]: people sign in by an OpenID provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, AfterValidator(_check_issuer)] = Field(
        default="",
        description='Issuer of the provider, exactly as its tokens have it; "": no provider.',
    )
    client_id: str = Field(default="", description="Name of Spillwatch at the provider.")
    client_secret: SecretStr | None = Field(
        default=None,
        description="Its secret (secret; client_secret_file reads it). Without one, PKCE protects the code.",
    )
    client_authentication: ClientAuthentication = Field(
        default=ClientAuthentication.BASIC, description="How the secret is shown: basic or post."
    )
    label: Annotated[str, StringConstraints(max_length=60)] = Field(
        default="", description='Name of the provider on the page for signing in; "": the host of the issuer.'
    )
    scopes: tuple[Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+$")], ...] = Field(
        default=("openid", "profile", "email"), description="Scopes that are asked for; openid is needed."
    )
    algorithms: tuple[SigningAlgorithm, ...] = Field(
        default=(SigningAlgorithm.RS256,),
        min_length=1,
        description="Signatures of ID tokens that are accepted, whatever a token's header says.",
    )
    leeway_s: int = Field(
        default=60, ge=0, le=300, description="Seconds by which the provider's clock may differ."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=60, description="Seconds that one answer of the provider may take."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificate of a private authority that signed the provider's (PEM)."
    )
    name_claim: str = Field(
        default="preferred_username",
        min_length=1,
        description="Claim with the name of a person here. Choose one that people cannot change themselves.",
    )
    grants_claim: str = Field(
        default="",
        description='Claim whose values give roles, such as groups; "": roles are given in the console.',
    )
    grants: tuple[OidcGrant, ...] = Field(
        default=(), description="Which value of that claim gives which role for which company."
    )
    only: bool = Field(
        default=False, description="Nobody signs in by password or passkey, only by the provider."
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if not self.issuer:
            if self.only:
                raise ValueError("an issuer, because only = true leaves no other way to sign in")
            return self
        if not self.client_id:
            raise ValueError("client_id, the name under which the provider knows Spillwatch")
        if "openid" not in self.scopes:
            raise ValueError('"openid" among the scopes')
        if bool(self.grants_claim) != bool(self.grants):
            raise ValueError("both grants_claim and grants, or neither")
        return self

    @property
    def shown_label(self) -> str:
        return self.label or urlsplit(self.issuer).hostname or ""
