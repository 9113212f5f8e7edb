"""Settings of the web console: the section [web].

[web]
listen = "127.0.0.1:9478"
public_url = "https://spillwatch.lender.example"
trusted_proxies = ["127.0.0.1"]
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from alerts.clocks import legal_clocks
from configuration.listen_address import ListenAddress
from configuration.oidc_settings import OidcSettings

#: Where `spillwatch web` listens when `listen` is empty.
DEFAULT_LISTEN = "127.0.0.1:9478"


def _check_public_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
        raise ValueError("scheme and host only, such as https://spillwatch.lender.example")
    return url.rstrip("/")


def _check_network(network: str) -> str:
    try:
        ip_network(network)
    except ValueError:
        raise ValueError("an IP address or a network, such as 10.0.0.0/8") from None
    return network


def _check_clock(slug: str) -> str:
    if slug not in legal_clocks():
        raise ValueError(f"one of {', '.join(legal_clocks())}")
    return slug


class Tlp(StrEnum):
    """The Traffic Light Protocol 2.0: with whom a document may be shared."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


class WebSettings(BaseModel):
    """[web]: the console in the browser and its API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: ListenAddress = Field(
        default="", description='HOST:PORT of the console. Port 0 takes a free port; "": no console.'
    )
    public_url: Annotated[str, AfterValidator(_check_public_url)] = Field(
        default="",
        description='Address under which people open it, such as https://spillwatch.lender.example; "": the '
        "address of `listen`. Requests for other hosts are refused.",
    )
    tls_certificate: Path | None = Field(
        default=None, description="File with the certificate chain (PEM), for TLS without a proxy."
    )
    tls_key: Path | None = Field(default=None, description="File with the private key of that certificate.")
    trusted_proxies: tuple[Annotated[str, AfterValidator(_check_network)], ...] = Field(
        default=(), description="Addresses of proxies whose X-Forwarded-For and -Proto headers are believed."
    )
    private_hosts: tuple[Annotated[str, StringConstraints(pattern=r"^[^\s/@]{1,253}$")], ...] = Field(
        default=(),
        description="Hosts on private networks that sources written in the console may read, as "
        "allow_private_addresses of a file does.",
    )
    session_hours: float = Field(
        default=12.0, gt=0, le=24 * 30, description="Hours after which a person signs in again."
    )

    idle_minutes: float = Field(
        default=120.0,
        ge=1,
        le=24 * 60 * 30,
        description="Minutes without a request after which a person signs in again.",
    )
    require_second_factor: bool = Field(
        default=False, description="Show nothing but /account to people who have no second factor yet."
    )
    export_tlp: Tlp = Field(
        default=Tlp.AMBER,
        description="Marking of exports (TLP 2.0): clear, green, amber, amber+strict or red.",
    )
    clocks: tuple[Annotated[str, AfterValidator(_check_clock)], ...] = Field(
        default_factory=lambda: tuple(legal_clocks()),
        description="Slugs of the legal clocks that are counted on findings.",
    )
    api_requests_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="Requests of one token or person to the API per minute."
    )
    api_refusals_per_minute: int = Field(
        default=60,
        ge=1,
        le=1_000_000,
        description="Requests of one address to the API per minute without a valid token or session that are "
        "told so.",
    )

    audit_head_channel: str = Field(
        default="",
        description='Channel of [alerts] that gets the head of the audit log once a day; "": none.',
    )
    oidc: OidcSettings = Field(default_factory=OidcSettings, description="Signing in by an OpenID provider.")

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if self.oidc.issuer and not self.public_url:
            raise ValueError("public_url, because the provider sends people back to it")
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("both tls_certificate and tls_key, or neither")
        return self
