"""Where a key comes from, as the configuration names it; `keyring` reads it."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

PREVIOUS_LIMIT = 8  # previous keys per company


class KeySource(BaseModel):
    """One place from which a key is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[Path | None, Field(description="File written by `spillwatch keygen`; mode 0600.")] = None
    credential: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None,
        Field(description="Name of a systemd credential that holds a key file."),
    ] = None
    command: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="Program and arguments that write a key file to standard output."),
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.file, self.credential, self.command)) != 1:
            raise ValueError("a key needs exactly one of file, credential and command")
        return self

    def __str__(self) -> str:
        if self.command is not None:
            return f"the command {self.command[0]}"
        return str(self.file) if self.file is not None else f"the credential {self.credential}"
