"""Settings of storage: the section [storage]."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from storage.database.connect import parse_url
from storage.errors import DatabaseUrlInvalid


class StorageSettings(BaseModel):
    # A refused URL may contain a password, and pydantic would print it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: Annotated[
        SecretStr,
        Field(description="Database: sqlite:///file or postgresql://user:password@host/name. Secret."),
    ] = SecretStr("sqlite:///var/spillwatch.db")
    evidence_dir: Annotated[
        Path, Field(description="Folder of the WARC files, the only place that holds what was published.")
    ] = Path("var/evidence")
    busy_timeout_s: Annotated[
        float,
        Field(
            gt=0, le=600, description="Seconds that a statement waits for another writer before it gives up."
        ),
    ] = 30.0

    @field_validator("database_url")
    @classmethod
    def _check_url(cls, value: SecretStr) -> SecretStr:
        try:
            parse_url(value.get_secret_value())
        except DatabaseUrlInvalid as error:
            raise ValueError(str(error)) from None
        return value
