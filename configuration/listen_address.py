"""The address at which one of our servers listens, as a setting."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MAX_PORT = 65_535


def _check_port(address: str) -> str:
    if address and int(address.rpartition(":")[2]) > MAX_PORT:
        raise ValueError(f"HOST:PORT with a port up to {MAX_PORT}")
    return address


#: HOST:PORT, or "" for none.
ListenAddress = Annotated[str, StringConstraints(pattern=r"^(\S+:\d{1,5})?$"), AfterValidator(_check_port)]
