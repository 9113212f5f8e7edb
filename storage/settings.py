"""Settings of storage: the section [storage]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from storage.database.connect import parse_url
from storage.errors import DatabaseUrlInvalid
from storage.stores.location import checked_address
from storage.stores.settings import S3Settings

if TYPE_CHECKING:
    from storage.evidence.warc import EvidenceStore

SEAL_AFTER_S = 10.0


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
    evidence: Annotated[
        str | None,
        Field(
            description="Where WARC files are kept: file:FOLDER or s3://BUCKET/PREFIX; default: evidence_dir."
        ),
    ] = None
    seal_after_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="With s3://: seconds after which a run that goes on stores what it has found so far.",
        ),
    ] = SEAL_AFTER_S
    s3: Annotated[S3Settings, Field(description="The connection to the server of s3:// addresses.")] = (
        S3Settings()
    )
    busy_timeout_s: Annotated[
        float,
        Field(
            gt=0, le=600, description="Seconds that a statement waits for another writer before it gives up."
        ),
    ] = 30.0

    def evidence_store(self) -> EvidenceStore:
        """Return where the evidence is kept. Nothing connects yet; raises StoreLibraryMissing."""
        from storage.evidence.warc import EvidenceStore  # many commands read settings and no evidence

        return EvidenceStore.at(self.evidence_dir, self.evidence, self.s3)

    @field_validator("evidence")
    @classmethod
    def _check_evidence(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)

    @field_validator("database_url")
    @classmethod
    def _check_url(cls, value: SecretStr) -> SecretStr:
        try:
            parse_url(value.get_secret_value())
        except DatabaseUrlInvalid as error:
            raise ValueError(str(error)) from None
        return value
