"""A sweep's state on disk while it runs, so that an interrupted sweep goes on where it was.

The file holds what the database may hold: places, counts, ordinals and masked excerpts, never a value. It
lies in a folder of mode 0700 and has mode 0600. Its name is a hash of everything that the answer depends on:
with other inputs, other segments, other terms or other options it is another sweep, and no state of it is
found. A sweep that ends removes its file; `remove_abandoned` removes those that nobody went on with.

Saving writes a draft beside the file, flushes it to the disk and renames it. A process that is killed at any
line of this leaves either the state before or the state after, never half of one.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from matching.comparing.findings import Findings
from matching.comparing.first_look import LookCounts
from matching.comparing.stored_findings import (
    UNREADABLE,
    agreement_arrays,
    findings_as_json,
    findings_from_json,
)
from matching.identifiers import NORMALISERS
from matching.sweep import DocumentRead, Sweep, SweepProgress
from matching.watch import Watch

#: Of the file's content. The state of another version is not found, and its sweep starts from the beginning.
VERSION = 8
#: Files of a folder that go into the name: enough for any dump, without reading a whole disk's directory.
MAX_FILES = 100_000
SUFFIX, DRAFT_SUFFIX = ".sweep", ".part"
_FILE_NAME = re.compile(rf"[0-9a-f]{{32}}(?:{re.escape(SUFFIX)}|{re.escape(DRAFT_SUFFIX)})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file of one sweep."""

    path: Path

    @classmethod
    def of(cls, folder: Path, paths: Iterable[Path], watch: Watch, options: object) -> "Checkpoint":
        """Return the file of a sweep over `paths`; `options`: what else the answer depends on, as JSON."""
        dependencies = [
            VERSION,
            sorted(NORMALISERS.items()),
            options,
            watch.identity(),
            [_file_states(path) for path in paths],
        ]
        name = hashlib.sha256(json.dumps(dependencies, default=str).encode()).hexdigest()[:32]
        return cls(folder / f"{name}{SUFFIX}")

    def save(self, sweep: Sweep) -> None:
        """Write the sweep's whole state, or leave the one before."""
        findings = sweep.findings
        arrays = dict(agreement_arrays(findings))
        state = json.dumps(_state_as_json(findings, sweep.progress)).encode()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            np.savez(stream, allow_pickle=False, state=np.frombuffer(state, np.uint8), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        self._draft.replace(self.path)

    def load(self, watch: Watch, limit: int) -> tuple[Findings, SweepProgress] | None:
        """Return what was found and how far the sweep was; None without a file from which it can go on."""
        try:
            # No pickles: whoever can write this file must not run code here.
            with np.load(self.path, allow_pickle=False) as stored:
                state = json.loads(stored["state"].tobytes())
                findings = findings_from_json(state["findings"], stored, watch, limit)
                return findings, _progress_from_json(state["progress"])
        except FileNotFoundError:
            return None
        except UNREADABLE:
            # Damaged, or not written by us. A sweep from the beginning is always right, so that is no error.
            return None

    def remove(self) -> None:
        """Remove the file, and a draft that a killed process left."""
        self.path.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)

    @property
    def _draft(self) -> Path:
        return self.path.with_suffix(DRAFT_SUFFIX)


def remove_abandoned(folder: Path, *, before: datetime) -> int:
    """Remove the files that were last written before this moment; return how many.

    A sweep that runs writes its file every few seconds, so it keeps it.
    """
    removed = 0
    with suppress(OSError):  # the folder does not exist, or is not readable: nothing to remove
        for entry in [*os.scandir(folder)]:
            if not _FILE_NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
    return removed


# --- what the answer depends on


def _file_states(path: Path) -> object:
    """Return names, sizes and times of change of a file, or of a folder and all that it holds.

    A file that was written to since is another input. Its bytes are not hashed: that would take as long as
    the sweep.
    """
    inside = sorted(path.rglob("*"))[:MAX_FILES] if path.is_dir() else []
    stats = [(str(one), one.lstat()) for one in (path.resolve(), *inside)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


# --- the state as JSON


def _state_as_json(findings: Findings, progress: SweepProgress) -> dict[str, Any]:
    return {"progress": _progress_as_json(progress), "findings": findings_as_json(findings)}


def _progress_as_json(progress: SweepProgress) -> dict[str, Any]:
    state = {one.name: getattr(progress, one.name) for one in fields(progress)}
    return {**state, "read": [asdict(read) for read in progress.read], "looks": progress.looks.as_json()}


def _progress_from_json(state: dict[str, Any]) -> SweepProgress:
    companies = state["companies"]
    return SweepProgress(
        **{
            **state,
            "read": [DocumentRead.from_json(read) for read in state["read"]],
            "companies": None if companies is None else tuple(companies),
            "looks": LookCounts.from_json(state["looks"]),
        }
    )
