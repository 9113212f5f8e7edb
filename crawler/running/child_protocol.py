"""What passes between the daemon and the process of a run: one job in, JSON lines out.

The job goes through standard input, because every user of the machine can read a process's arguments.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, SecretStr, ValidationError

from crawler.errors import JobRefused
from crawler.settings import MEBIBYTE, CrawlerSettings
from storage.errors import StorageError
from storage.evidence.warc import EvidenceStore
from storage.runs import RunCounts
from storage.settings import SEAL_AFTER_S
from storage.stores.settings import S3Settings
from storage.work import HeldLease, Work, WorkKind

#: Limit of one line in either direction; a job holds one source file and one cursor.
MAX_LINE_BYTES = 4 * MEBIBYTE

SecretInJson = Annotated[
    SecretStr, PlainSerializer(lambda secret: secret.get_secret_value(), when_used="json")
]


class Job(BaseModel):
    """One run: what to crawl, where to write, under which epoch, and the source's cursor before the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: int
    epoch: int
    source_id: int
    source_name: str
    definition: dict[str, Any]
    cursor: dict[str, Any]
    database_url: SecretInJson
    busy_timeout_s: float
    evidence_dir: Path
    #: The address of the evidence, if it is not evidence_dir, and the JSON of S3Settings.
    evidence: str | None = None
    s3: SecretInJson = SecretStr("{}")
    seal_after_s: float = SEAL_AFTER_S
    settings: CrawlerSettings
    parent_pid: int
    lease: HeldLease | None = None  # of the run's node; None: it works alone
    doorbell: bool = False  # nodes share the database: announce by jobs, in the row's transaction

    def evidence_store(self) -> EvidenceStore:
        """Return where this run's evidence goes."""
        s3 = S3Settings.model_validate_json(self.s3.get_secret_value())
        return EvidenceStore.at(self.evidence_dir, self.evidence, s3)

    @classmethod
    def read(cls, line: str | bytes) -> Job:
        """Read a job; raises `JobRefused`, which names keys but quotes no values: a job holds a password."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            keys = sorted({".".join(map(str, each["loc"])) or "the whole job" for each in error.errors()})
            raise JobRefused(f"The job on standard input cannot be used; check: {', '.join(keys)}.") from None


class ChildExit(IntEnum):
    """How a run's process ends; any other code, and every signal, is a crash."""

    CONCLUDED = 0
    FAILED = 1
    STOPPED = 3
    MEMORY = 4
    SUPERSEDED = 5
    STORAGE = 6


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The counts of a run so far."""

    run_id: int
    counts: RunCounts


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that ended the process: its type and place, not its message, which may quote a page.

    A `StorageError` quotes nothing, so its reason and its message are passed on.
    """

    kind: str
    where: str
    reason: str = ""
    message: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an error by the file and line where it was raised."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
        if isinstance(error, StorageError):
            return cls(type(error).__name__, error.where or where, error.reason, str(error))
        return cls(type(error).__name__, where)


Message = RunProgress | Work | Failure


def line_of(message: Message) -> str:
    """Return the message as one line, without its newline."""
    match message:
        case RunProgress(run_id, counts):
            return json.dumps({"progress": {"run_id": run_id, "counts": asdict(counts)}})
        case Work(kind, row_id):
            return json.dumps({"work": {"kind": kind.value, "row_id": row_id}})
        case Failure():
            return json.dumps({"failure": asdict(message)})


def message_of(line: str | bytes) -> Message | None:
    """Return the message of a line; None for any other line, because a library may print."""
    try:
        match json.loads(line):
            case {"progress": {"run_id": int(run_id), "counts": Mapping() as counts}}:
                return RunProgress(run_id, RunCounts(**counts))
            case {"work": {"kind": str(kind), "row_id": int(row_id)}}:
                return Work(WorkKind(kind), row_id)
            case {"failure": Mapping() as failure}:
                return Failure(**{key: str(value) for key, value in failure.items()})
    except (ValueError, TypeError):
        return None
    return None
