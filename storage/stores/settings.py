"""Settings of the connection to object storage: the section [storage.s3]."""

import json
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from network.proxy_address import parse_proxy


class S3Settings(BaseModel):
    # A refused endpoint may contain a password, and pydantic would print it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    endpoint: Annotated[
        str | None,
        Field(
            description="Address of the S3 server, such as https://s3.example; default: that of the region."
        ),
    ] = None
    region: Annotated[str, Field(min_length=1, description="Region of the bucket.")] = "us-east-1"
    access_key_id: Annotated[
        SecretStr | None,
        Field(description="Name of the access key; default: the machine's own role. Secret."),
    ] = None
    secret_access_key: Annotated[SecretStr | None, Field(description="The access key's secret. Secret.")] = (
        None
    )
    session_token: Annotated[
        SecretStr | None, Field(description="Token of a temporary access key. Secret.")
    ] = None
    root_certificate: Annotated[
        str | None, Field(description="PEM certificates of a private authority that signed the server's.")
    ] = None
    proxy: Annotated[
        SecretStr | None,
        Field(description="HTTP proxy to the server; it may contain a login. Default: HTTPS_PROXY. Secret."),
    ] = None
    allow_http: Annotated[
        bool, Field(description="Allow an endpoint without TLS that is not on this machine.")
    ] = False
    timeout_s: Annotated[
        float, Field(gt=0, le=300, description="Seconds that one request may take, with its content.")
    ] = 20.0

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_proxy(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key, or neither of them")
        if self.endpoint is None:
            return self
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("endpoint: an address such as https://s3.example")
        if parts.username is not None or parts.password is not None:
            raise ValueError("endpoint: an address without a login; use access_key_id and secret_access_key")
        if parts.scheme == "http" and not self.plain_http_allowed:
            raise ValueError("endpoint: an address that begins with https://, or allow_http = true")
        return self

    def as_json(self) -> SecretStr:
        """Return all values as JSON, with the secrets, for a process of our own."""
        values = self.model_dump()
        secrets = {
            name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)
        }
        return SecretStr(json.dumps(values | secrets))

    @property
    def plain_http_allowed(self) -> bool:
        """Whether requests may go out without TLS: to this machine, or if that was allowed."""
        return self.allow_http or (self.endpoint is not None and _is_this_machine(self.endpoint))


def _is_this_machine(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
