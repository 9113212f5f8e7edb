"""[crawler]: the options that all runs share. What differs between sources is in each source's file."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    model_validator,
)

from crawler.header_table import TOR_BROWSER, Headers
from network.proxy_address import parse_proxy

MEBIBYTE = 1024 * 1024
#: Default of `redirects`.
MAX_REDIRECTS = 5


def _check_proxy(value: SecretStr) -> SecretStr:
    parse_proxy(value.get_secret_value())
    return value


#: A proxy's URL with its login. In JSON it is readable: a run's job goes through a pipe.
ProxyUrl = Annotated[
    SecretStr,
    AfterValidator(_check_proxy),
    PlainSerializer(lambda secret: secret.get_secret_value(), when_used="json"),
]


class CrawlerSettings(BaseModel):
    """How runs are started, limited, and presented to sites."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrent_runs: int = Field(
        default=2, ge=1, le=64, description="number of runs (child processes) at the same time"
    )
    memory_limit_mb: int = Field(
        default=1024,
        ge=256,
        le=65_536,
        description="limit of a run's address space in MiB; at the limit the run ends as memory_exceeded",
    )
    deadline_s: float = Field(
        default=1800,
        gt=0,
        le=172_800,
        description="seconds after which a run is ended from outside",
    )
    stop_grace_s: float = Field(
        default=3.0,
        gt=0,
        le=120,
        description="seconds that a run has to write its data before it is killed",
    )
    request_timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=600,
        description="time limit of one request in seconds, from start to last byte",
    )
    response_limit_mb: float = Field(
        default=10.0,
        gt=0,
        le=200,
        description="size limit of a response in MiB, as received and again when decompressed",
    )
    attachment_limit_mb: float = Field(
        default=5.0, gt=0, le=200, description="size limit of a listing's text attachment in MiB"
    )
    parse_cpu_s: float = Field(
        default=20.0, gt=0, le=600, description="limit of CPU time for parsing one page, in seconds"
    )
    redirects: int = Field(
        default=MAX_REDIRECTS, ge=0, le=20, description="number of redirects that are followed for one page"
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="number of retries of a page after a temporary failure"
    )
    retry_wait_s: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description="longest Retry-After in seconds that a run waits for; a longer one ends the run",
    )
    user_agent: str = Field(
        default="Spillwatch/0.1 (leak monitoring; read-only)",
        min_length=1,
        max_length=300,
        description="User-Agent of direct requests, and the name for which robots.txt is read",
    )
    contact: str | None = Field(
        default=None,
        pattern=r"^[!-~]{3,200}$",
        description="where a site's operator can reach you, an address or a page; added to user_agent",
    )
    tor_headers: Headers = Field(
        default=TOR_BROWSER,
        description="headers of requests through Tor, in their order; '' removes one; default: Tor Browser's",
    )
    accept_language: str = Field(
        default="en,*;q=0.5", max_length=100, description="Accept-Language of direct requests"
    )
    proxy: ProxyUrl | None = Field(
        default=None,
        description="HTTP proxy of all sources that are fetched directly (secret; proxy_file reads it)",
    )
    tor_proxy: str | None = Field(
        default=None,
        pattern=r"^socks5h?://[^\s:@/]+:\d{1,5}$",
        description='Tor\'s SOCKS port, such as socks5://127.0.0.1:9050, for sources with via = "tor"',
    )
    tor_check_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        max_length=2_000,
        description="URL that `spillwatch doctor` fetches through Tor; default: a source's robots.txt",
    )
    autothrottle: bool = Field(default=True, description="wait longer if a site answers slowly")

    @model_validator(mode="after")
    def _one_request_fits_in_a_run(self) -> CrawlerSettings:
        if self.request_timeout_s >= self.deadline_s:
            raise ValueError(
                f"request_timeout_s ({self.request_timeout_s:g}) must be shorter than deadline_s "
                f"({self.deadline_s:g})"
            )
        return self

    @property
    def agent(self) -> str:
        """The User-Agent of direct requests."""
        return f"{self.user_agent} +{self.contact}" if self.contact else self.user_agent

    @property
    def response_limit(self) -> int:
        """The size limit of a response in bytes."""
        return int(self.response_limit_mb * MEBIBYTE)

    @property
    def attachment_limit(self) -> int:
        """The size limit of an attachment in bytes."""
        return int(self.attachment_limit_mb * MEBIBYTE)
