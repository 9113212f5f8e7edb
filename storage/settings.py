"""Settings of storage: the sections [storage] and [retention]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from storage.database.connect import parse_url
from storage.errors import DatabaseUrlInvalid
from storage.stores.location import checked_address
from storage.stores.settings import S3Settings

if TYPE_CHECKING:
    from storage.evidence.warc import EvidenceStore

SEAL_AFTER_S = 10.0

#: Captures that a killed run left are parsed within 30 days, so they are kept for longer.
LEAST_CAPTURE_DAYS = 31
MAX_DAYS = 36_500


def _check_capture_days(days: int) -> int:
    if 0 < days < LEAST_CAPTURE_DAYS:
        raise ValueError(f"{LEAST_CAPTURE_DAYS} or more: what a killed run left is read within 30 days")
    return days


Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]
CaptureDays = Annotated[Days, AfterValidator(_check_capture_days)]


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


class SourceRetention(BaseModel):
    """[retention.sources.NAME]: what is different for one source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    captures_days: CaptureDays | None = Field(default=None, description="Instead of captures_days.")
    evidence_days: Days | None = Field(default=None, description="Instead of evidence_days.")
    versions_days: Days | None = Field(default=None, description="Instead of versions_days.")
    runs_days: Days | None = Field(default=None, description="Instead of runs_days.")


class RetentionSettings(BaseModel):
    """[retention]: for how long each kind of row and record is kept. 0: for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True, description="Delete what is older than the following; false: nothing is ever deleted."
    )
    every_h: float = Field(default=24.0, ge=0.01, le=720, description="Hours between two passes.")
    captures_days: CaptureDays = Field(
        default=90, description="Days that responses are kept from which no stored version was read."
    )
    evidence_days: Days = Field(
        default=365, description="Days that the evidence of versions is kept that no alert cites."
    )
    versions_days: Days = Field(
        default=365, description="Days that a replaced version is kept that no alert cites."
    )
    revisions_days: Days = Field(
        default=365, description="Days that the updates of an alert are kept; its other messages stay."
    )
    attempts_days: Days = Field(
        default=90, description="Days that the attempts of ended deliveries are kept; the last one stays."
    )
    runs_days: Days = Field(
        default=180, description="Days that finished runs, rematches and changes of health are kept."
    )
    sources: dict[str, SourceRetention] = Field(
        default_factory=dict, description="What is different for a source, by its name."
    )
