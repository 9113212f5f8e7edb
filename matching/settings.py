"""How listings and dumps are compared: the [matching] section."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from matching.fingerprints.key_source import KeySource
from storage.stores.location import checked_address
from storage.stores.settings import S3Settings


class MatchingSettings(BaseModel):
    """What the daemon, `spillwatch match` and `spillwatch rematch` use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    native: Annotated[
        bool,
        Field(
            description="Use the native code where it was built; false: Python alone, which is far slower."
        ),
    ] = True
    segments_dir: Annotated[
        Path, Field(description="Folder of the imported segments; created with mode 0700.")
    ] = Path("var/segments")
    segments: Annotated[
        str | None,
        Field(
            description="Store of the segments for all nodes: file:FOLDER or s3://BUCKET/PREFIX; "
            "segments_dir then holds copies."
        ),
    ] = None
    s3: Annotated[
        S3Settings | None,
        Field(description="The connection to the server of `segments`; default: that of [storage]."),
    ] = None
    sweeps_dir: Annotated[
        Path, Field(description="Folder where `match` saves its state, to go on after an interruption.")
    ] = Path("var/sweeps")
    sweep_save_s: Annotated[
        float, Field(ge=0, le=3600, description="Seconds between two times that `match` saves its state.")
    ] = 5.0
    sweep_keep_days: Annotated[
        float,
        Field(
            gt=0,
            le=3650,
            description="Days after which the next `match` removes the state of an interrupted one.",
        ),
    ] = 14.0
    dumps_dirs: Annotated[
        tuple[Path, ...],
        Field(
            description="Folders whose files this node matches for `match --cluster`; default: wherever the "
            "command's path leads."
        ),
    ] = ()
    unit_mb: Annotated[
        int, Field(ge=1, le=1_000_000, description="MiB of a unit into which `match --cluster` cuts, about.")
    ] = 64
    unit_wait_s: Annotated[
        float,
        Field(
            gt=0,
            le=86_400,
            description="Seconds that `match --cluster` waits for a node to take a unit before it ends.",
        ),
    ] = 60.0
    unit_memory_mb: Annotated[
        int,
        Field(ge=256, le=1_048_576, description="MiB that a process may use to match a unit of a dump."),
    ] = 2048
    key_files: Annotated[
        dict[str, Path],
        Field(description="Key file by company (its file's name); wins over fingerprints.key_file."),
    ] = {}
    keys: Annotated[
        dict[str, tuple[KeySource, ...]],
        Field(description="A company's keys, the present one first; default: those of its own file."),
    ] = {}
    credentials_dir: Annotated[
        Path | None, Field(description="Folder of credentials; default: systemd's, if it provides one.")
    ] = None
    text_limit_mb: Annotated[
        float,
        Field(gt=0, le=1024, description="MB of one listing's text that are matched; the rest is not read."),
    ] = 16.0
    matches_limit: Annotated[
        int, Field(ge=1, le=100_000, description="Matches of one listing that are stored; all are counted.")
    ] = 1000
    time_limit_s: Annotated[
        float, Field(gt=0, le=3600, description="Seconds that matching one listing may take.")
    ] = 60.0
    attempts: Annotated[
        int, Field(ge=1, le=100, description="How often matching a listing is attempted before it fails.")
    ] = 5
    retry_after_s: Annotated[
        float,
        Field(gt=0, le=86_400, description="Seconds before the second attempt; each wait is twice the last."),
    ] = 30.0

    @field_validator("segments")
    @classmethod
    def _check_segments(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)
