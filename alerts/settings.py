"""Settings of alerting: the section [alerts]. Nothing here opens a connection; secrets are SecretStr.

[alerts]
installation = "spillwatch-hq"

[alerts.channels.soc-mail]
transport = "email"
host = "smtp.lender.example"
username = "spillwatch"
password_file = "/run/credentials/smtp"
from = "spillwatch@lender.example"
to = ["soc@lender.example"]

[alerts.channels.siem]
transport = "webhook"
url = "https://siem.lender.example/hooks/spillwatch"
secrets_file = "/run/credentials/hook"
min_severity = "high"
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import idna
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from alerts.severity import SeveritySettings
from network.proxy_address import parse_proxy
from storage.alerts import AlertKind, Severity

# RFC 5321 limits an address to 254 characters. The refused characters could break a header or an SMTP
# command.
ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,189}")
DOT_ATOM = re.compile(r"[^.]+(\.[^.]+)*")  # RFC 5322, 3.2.3; e-mail libraries refuse anything else
HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
# Headers that the transport sets, or that would change what is sent to whom.
RESERVED_HEADERS = frozenset(
    {"host", "content-type", "content-length", "transfer-encoding", "connection", "user-agent"}
)
PORTS = {"starttls": 587, "tls": 465, "none": 25}  # by `security`, if `port` is not set
SECRET_BYTES = range(24, 65)  # Standard Webhooks: 24 to 64 bytes
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix that every secret has, not a secret

APPRISE_SCHEME = re.compile(r"[A-Za-z0-9_+-]{1,30}://.")

AppriseContent = Literal["notice", "summary", "full"]
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
OneLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


def _check_address(value: str) -> str:
    """Return the address with its domain in ASCII (IDNA). The part before the "@" has to be ASCII already:
    few servers announce SMTPUTF8 (RFC 6531), and the others refuse the message for all recipients.
    """
    if value != value.strip():
        raise ValueError("an address without a blank before or after it")
    if (named := re.fullmatch(r"[^<>]*<([^<>@\s]+@[^<>@\s]+)>", value)) and ADDRESS.fullmatch(named[1]):
        raise ValueError(f"the address without a name: write {named[1]}")
    if not ADDRESS.fullmatch(value):
        raise ValueError("one e-mail address without a name, such as soc@lender.example")
    mailbox, _, domain = value.partition("@")
    if domain.endswith("."):
        raise ValueError("an address without a dot at its end")
    if not mailbox.isascii():
        strange = next(sign for sign in mailbox if not sign.isascii())
        raise ValueError(f"an address that has only ASCII before the @; {strange!r} is not ASCII")
    if not DOT_ATOM.fullmatch(mailbox):
        raise ValueError("an address whose dots before the @ stand between other characters: first.last@...")
    return f"{mailbox}@{_ascii_name(domain)}"


def _ascii_name(name: str) -> str:
    """Return a host's name in ASCII: an international one as IDNA (RFC 5891) writes it."""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise ValueError(f"the name of a host; IDNA cannot encode {name!r}") from None
    if not HOST_NAME.fullmatch(name):
        raise ValueError("the name of a host: letters, digits, - and _ between dots")
    return name


def _check_host(value: str) -> str:
    """Return the name or the IP address of a mail server, an international name in ASCII."""
    if value != value.strip():
        raise ValueError("a name without a blank before or after it")
    if "://" in value:
        raise ValueError("a name such as smtp.lender.example, without a scheme: `host` is a name, not a URL")
    with suppress(ValueError):
        return str(ip_address(value))
    name, colon, port = value.rpartition(":")
    if colon and port.isascii() and port.isdecimal():
        raise ValueError(f"a name without a port (write port = {port}), and no brackets around IPv6")
    if name or set(value) & set("/@[]"):
        raise ValueError("only the name of the mail server, such as smtp.lender.example")
    return _ascii_name(value)


def _check_proxy(value: SecretStr) -> SecretStr:
    parse_proxy(value.get_secret_value())
    return value


ProxySetting = Annotated[SecretStr, AfterValidator(_check_proxy)]
MailAddress = Annotated[str, AfterValidator(_check_address)]
MailHost = Annotated[str, AfterValidator(_check_host)]


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("a time zone of the IANA database, such as Asia/Shanghai") from None
    return name


class RetrySettings(BaseModel):
    """When a failed attempt is repeated. Section [alerts.retry]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempts: int = Field(default=30, ge=1, le=1000, description="Number of attempts, including the first.")
    base_s: float = Field(
        default=30, gt=0, description="Seconds before the second attempt; doubled for each further one."
    )
    max_s: float = Field(default=3600, gt=0, description="Longest wait between two attempts, in seconds.")
    give_up_after_s: float = Field(
        default=86_400,
        gt=0,
        description="Seconds after the first attempt, after which no further one is made.",
    )
    dead_after: int = Field(
        default=5,
        ge=1,
        description="Failed attempts in a row after which a channel is reported through the others.",
    )

    @model_validator(mode="after")
    def _check_order(self) -> RetrySettings:
        if self.base_s > self.max_s:
            raise ValueError(f"base_s = {self.base_s:g} is greater than max_s = {self.max_s:g}: lower base_s")
        return self


class ChannelQuietHours(BaseModel):
    """Hours in which a channel gets urgent messages only. Section [alerts.channels.NAME.quiet_hours]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begin: time = Field(description="Time of day at which they begin, in the zone of [alerts].")
    end: time = Field(description="Time of day at which they end; before `begin`: on the next day.")

    @model_validator(mode="after")
    def _check_order(self) -> ChannelQuietHours:
        if self.begin == self.end:
            raise ValueError("begin and end are equal: leave the section out, or disable the channel")
        return self


class BaseChannel(BaseModel):
    """The settings of every channel: which alerts it carries. Section [alerts.channels.NAME]."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    enabled: bool = Field(default=True, description="Whether messages are sent through it.")
    kinds: tuple[AlertKind, ...] = Field(
        default=(AlertKind.FINDING, AlertKind.SOURCE, AlertKind.CHANNEL, AlertKind.INSTALLATION),
        description="Kinds of alert it carries: finding, source, channel, installation.",
    )
    companies: tuple[str, ...] = Field(
        default=(), description="Slugs of the companies whose findings it carries; empty: all."
    )
    sources: tuple[str, ...] = Field(
        default=(), description="Names of the sources whose findings it carries; empty: all."
    )
    min_severity: Severity = Field(default=Severity.LOW, description="Lowest severity that it carries.")
    urgent: Severity = Field(
        default=Severity.CRITICAL,
        description="Lowest severity that neither quiet hours nor a rate nor a digest hold back.",
    )
    quiet_hours: ChannelQuietHours | None = Field(
        default=None, description="Hours of the day in which messages that are not urgent wait."
    )
    max_per_hour: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Messages within an hour; further ones wait. Unset: no limit.",
    )
    digest: Literal["hour", "day"] | None = Field(
        default=None,
        description="One message an hour or a day with all that is not urgent. Unset: each at once.",
    )
    digest_at: time = Field(
        default=time(8), description="Time of day of a daily digest, in the zone of [alerts]."
    )
    after_unacknowledged_minutes: int | None = Field(
        default=None,
        ge=1,
        le=10_080,
        description="It gets only findings that nobody acknowledged for so long. Unset: every one.",
    )

    def carries(
        self, kind: AlertKind, *, company: str | None, severity: Severity, source: str | None = None
    ) -> bool:
        """Return whether an alert goes through this channel. A test goes through every enabled one.

        `company` is a slug; None: the alert is not about a company. `source` is a name; None: of no source.
        """
        if not self.enabled or kind is AlertKind.TEST:
            return self.enabled
        for_company = company is None or not self.companies or company in self.companies
        of_source = source is None or not self.sources or source in self.sources
        return kind in self.kinds and for_company and of_source and severity.rank >= self.min_severity.rank

    @property
    def escalation(self) -> timedelta | None:
        """The time without an acknowledgement after which it gets a finding; None: it gets them at once."""
        minutes = self.after_unacknowledged_minutes
        return None if minutes is None else timedelta(minutes=minutes)


class OAuth2Settings(BaseModel):
    """How to get the access token that the mail server wants instead of a password.

    Section [alerts.channels.NAME.oauth2].
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token_url: str = Field(description="Token endpoint of the identity provider (https).")
    client_id: OneLine = Field(description="Id of the registered application.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its secret (secret; client_secret_file reads it)."
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        description="Refresh token (secret; refresh_token_file reads it). Without one, the application's own "
        "credentials are used.",
    )
    scope: OneLine | None = Field(default=None, description="Scope to ask for.")
    proxy: ProxySetting | None = Field(
        default=None,
        description="HTTP proxy through which the token is requested (secret; proxy_file reads it).",
    )

    @field_validator("token_url")
    @classmethod
    def _check_token_url(cls, value: str) -> str:
        parts = urlsplit(value)
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise ValueError(
                "https://HOST/...; plain http only to this machine, because a secret is sent to it"
            )
        if not parts.hostname or parts.username or parts.password:
            raise ValueError("an address of a host, without a user name or password")
        return value

    @model_validator(mode="after")
    def _check_credentials(self) -> OAuth2Settings:
        if self.client_secret is None and self.refresh_token is None:
            raise ValueError(
                "set client_secret_file (the application's own credentials) or refresh_token_file"
            )
        return self


class EmailChannel(BaseChannel):
    """E-mail over SMTP."""

    transport: Literal["email"] = Field(description='"email".')
    host: MailHost = Field(min_length=1, max_length=253, description="Name of the SMTP server.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls (from the first byte) or none."
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Port; by default 587 (starttls), 465 (tls) or 25 (none)."
    )
    username: str | None = Field(default=None, description="User name, if the server requires one.")
    password: SecretStr | None = Field(default=None, description="Password (secret; password_file reads it).")
    oauth2: OAuth2Settings | None = Field(
        default=None, description="Log in with an access token (XOAUTH2) instead of a password."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authority to trust, instead of the system's."
    )
    sender: MailAddress = Field(alias="from", description="Address that the messages are sent from.")
    sender_name: OneLine = Field(default="Spillwatch", description="Name shown beside that address.")
    to: tuple[MailAddress, ...] = Field(
        min_length=1, max_length=50, description="Addresses of the recipients."
    )
    list_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,200}$")] | None = Field(
        default=None, description="List-Id to filter by; by default `alerts.` and the domain of `from`."
    )
    timeout_s: float = Field(default=60, gt=0, le=600, description="Seconds that one attempt may take.")

    @model_validator(mode="after")
    def _check_port(self) -> EmailChannel:
        if self.port == PORTS["tls"] and self.security != "tls":
            raise ValueError(
                f'port = {self.port} with security = "{self.security}": a server speaks TLS on port 465 from '
                'the first byte (RFC 8314); set security = "tls", or use port 587 with "starttls"'
            )
        return self

    @model_validator(mode="after")
    def _check_login(self) -> EmailChannel:
        if self.password is not None and self.oauth2 is not None:
            raise ValueError("found both password and oauth2: a server takes one of them")
        if self.oauth2 is not None and self.username is None:
            raise ValueError("oauth2 needs username: the mailbox that sends, such as alerts@lender.example")
        if (self.username is None) != (self.password is None and self.oauth2 is None):
            raise ValueError("username and password belong together: set both, or neither")
        if self.username is not None and self.security == "none":
            raise ValueError('a password is never sent unencrypted: set security to "starttls" or "tls"')
        return self

    @property
    def port_remark(self) -> str | None:
        """A sentence about a port on which servers rarely speak TLS from the first byte. None: no remark."""
        if self.security != "tls" or self.port not in (PORTS["starttls"], PORTS["none"]):
            return None
        return (
            f'port = {self.port} with security = "tls": most servers expect security = "starttls" on this '
            "port, and TLS from the first byte on port 465."
        )

    @property
    def domain(self) -> str:
        """The domain of `from`, which Message-ID, List-Id and EHLO use."""
        return self.sender.rpartition("@")[2]


class WebhookChannel(BaseChannel):
    """A webhook, signed as Standard Webhooks prescribes."""

    transport: Literal["webhook"] = Field(description='"webhook".')
    url: SecretStr = Field(
        description="Address to POST to (secret, because such URLs often contain a token; url_file reads it)."
    )
    secrets: tuple[SecretStr, ...] = Field(
        min_length=1,
        max_length=5,
        description="Signing secrets, whsec_...; several during a rotation (secrets_file: one per line).",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Additional headers to send (secret)."
    )
    proxy: ProxySetting | None = Field(
        default=None, description="HTTP proxy to send through (secret; proxy_file reads it)."
    )
    allow_private_addresses: tuple[str, ...] = Field(
        default=(), description="Host names that may resolve to private addresses and use plain http."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authority to trust, instead of the system's."
    )
    timeout_s: float = Field(default=20, gt=0, le=600, description="Seconds that one attempt may take.")

    @field_validator("secrets", mode="before")
    @classmethod
    def _split_lines(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("secrets")
    @classmethod
    def _check_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, secret in enumerate(value, 1):
            _check_secret(secret.get_secret_value(), number)
        return value

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, content in value.items():
            if (
                not HEADER_NAME.fullmatch(name)
                or name.lower() in RESERVED_HEADERS
                or name.lower().startswith("webhook-")
            ):
                raise ValueError(
                    f"header {name!r}: expected a name of letters, digits and dashes that Spillwatch does "
                    "not set itself"
                )
            if not re.fullmatch(r"[\x20-\x7e]{0,4000}", content.get_secret_value()):
                raise ValueError(f"header {name!r}: its value contains characters other than printable ASCII")
        return value

    @model_validator(mode="after")
    def _check_url(self) -> WebhookChannel:
        parts = urlsplit(self.url.get_secret_value())
        if re.search(r"\s", self.url.get_secret_value()):
            raise ValueError("url: an address without a blank in it, before it or after it")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            found = f" instead of {parts.scheme}://" if parts.scheme else ""
            raise ValueError(
                f'url: https://HOST/...{found}; chat services (Slack, Teams, ...) have transport = "apprise"'
            )
        if parts.hostname.rstrip(".").endswith(".onion"):
            raise ValueError(
                "url: a receiver that is reached without Tor, because neither a name server nor a proxy may "
                "learn of an onion"
            )
        if parts.username or parts.password:
            raise ValueError(
                "url: an address without a user name and a password; use an Authorization header under "
                "`headers` instead"
            )
        if parts.scheme == "http" and parts.hostname not in self.allow_private_addresses:
            raise ValueError("url: https; plain http is only allowed for hosts in allow_private_addresses")
        return self


def _check_secret(secret: str, number: int) -> None:
    try:
        encoded = secret.removeprefix(SECRET_PREFIX)
        size = len(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(SECRET_PREFIX) or size not in SECRET_BYTES:
        raise ValueError(
            f"secret {number}: expected {SECRET_PREFIX} and the base64 of 24 to 64 random bytes; "
            f'create one with: echo "{SECRET_PREFIX}$(openssl rand -base64 32)"'
        )


class AppriseChannel(BaseChannel):
    """One of the services that Apprise knows: Slack, Teams, Discord, Mattermost, ..."""

    transport: Literal["apprise"] = Field(description='"apprise".')
    url: SecretStr = Field(
        description="Apprise's URL of one receiver (secret, because it holds a token; url_file reads it)."
    )
    content: AppriseContent = Field(
        default="notice",
        description="What it carries: notice (that there is an alert), summary (no words of the site), full.",
    )
    proxy: ProxySetting | None = Field(
        default=None, description="HTTP proxy to send through (secret; proxy_file reads it)."
    )
    allow_private_addresses: tuple[str, ...] = Field(
        default=(), description="Host names that may resolve to private addresses."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust, instead of the system's."
    )
    timeout_s: float = Field(
        default=60, ge=5, le=600, description="Seconds that one attempt may take, with the start of Apprise."
    )

    @model_validator(mode="after")
    def _check_url(self) -> AppriseChannel:
        url = self.url.get_secret_value()
        if re.search(r"\s", url) or not APPRISE_SCHEME.match(url):
            raise ValueError(
                "url: one URL of Apprise's form, such as slack://TOKEN_A/TOKEN_B/TOKEN_C, without a "
                "blank in it; each receiver has a channel of its own"
            )
        return self

    @property
    def scheme(self) -> str:
        """What the URL begins with, which names the service and holds no secret."""
        return self.url.get_secret_value().partition("://")[0].lower()


Channel = Annotated[EmailChannel | WebhookChannel | AppriseChannel, Field(discriminator="transport")]


class AlertsSettings(BaseModel):
    """Who learns of a finding, through which channel, and from which score on. Section [alerts]."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    installation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$")] = Field(
        default="spillwatch", description="Name of this installation, shown in messages."
    )
    channels: dict[ChannelName, Channel] = Field(default_factory=dict, description="Channels by name.")
    zone: Annotated[str, AfterValidator(_check_zone)] = Field(
        default="UTC", description="Time zone (IANA) of quiet hours and of daily digests."
    )
    updates_per_day: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Updates of one alert that are sent at once within 24 hours; one digest has the rest.",
    )
    retry: RetrySettings = Field(
        default_factory=RetrySettings, description="When a failed attempt is repeated."
    )
    severity: SeveritySettings = Field(
        default_factory=SeveritySettings, description="Points of the signals and of the severities."
    )

    def routed(
        self,
        kind: AlertKind,
        *,
        company: str | None,
        severity: Severity,
        source: str | None = None,
        apart_from: str | None = None,
    ) -> Mapping[str, Channel]:
        """Return the channels that carry such an alert, by name, also those that get it after a while."""
        return {
            name: channel
            for name, channel in self.channels.items()
            if name != apart_from and channel.carries(kind, company=company, severity=severity, source=source)
        }
