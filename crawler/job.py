"""What passes between the daemon and a run's child process: one job in, JSON lines out.

The job goes through standard input, because a process's arguments can be read by every user of the machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, SecretStr, ValidationError

from crawler.errors import JobRefused
from crawler.settings import MEBIBYTE, CrawlerSettings
from storage.runs import RunCounts
from storage.work import Work, WorkKind

#: Of one line either way; a job holds one source file and one cursor.
MAX_LINE_BYTES = 4 * MEBIBYTE
PR_SET_PDEATHSIG = 1

Handed = Annotated[SecretStr, PlainSerializer(lambda secret: secret.get_secret_value(), when_used="json")]


class Job(BaseModel):
    """One run: what to crawl, where to write, under which epoch, and the source's cursor as it was."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: int
    epoch: int
    source_id: int
    source_name: str
    definition: dict[str, Any]
    cursor: dict[str, Any]
    database_url: Handed
    busy_timeout_s: float
    evidence_dir: Path
    settings: CrawlerSettings
    parent_pid: int

    @classmethod
    def read(cls, line: str | bytes) -> Job:
        """Raise `JobRefused`, which says at which key but quotes nothing: a job holds a password."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            keys = sorted({".".join(map(str, each["loc"])) or "the whole" for each in error.errors()})
            raise JobRefused(
                f"The job on standard input is not usable; look at: {', '.join(keys)}."
            ) from None


class ChildExit(IntEnum):
    """How a child ends; anything else, and every signal, is a crash."""

    CONCLUDED = 0
    FAILED = 1
    STOPPED = 3
    MEMORY = 4
    SUPERSEDED = 5


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run has come."""

    run_id: int
    counts: RunCounts


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that ended the child: its type and where it was raised; its message may quote a page."""

    kind: str
    where: str


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
    """Return what a line says, or None for a line that is none of ours: a library may print."""
    try:
        said = json.loads(line)
        match said:
            case {"progress": {"run_id": int(run_id), "counts": Mapping() as counts}}:
                return RunProgress(run_id, RunCounts(**counts))
            case {"work": {"kind": str(kind), "row_id": int(row_id)}}:
                return Work(WorkKind(kind), row_id)
            case {"failure": {"kind": str(kind), "where": str(where)}}:
                return Failure(kind, where)
    except (ValueError, TypeError):
        return None
    return None


def confine(job: Job) -> None:
    """Bound this process's memory and tie its life to its parent's; call it before anything hostile is read.

    The kernel kills us when the thread that started us ends; if it ended before we asked for that, nobody is
    there to be told, and we end ourselves.
    """
    limit = job.settings.memory_limit_mb * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != job.parent_pid:
        raise SystemExit(ChildExit.STOPPED)
