"""A unit: a part of a dump that one process matches by itself. It travels as JSON and holds no value."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from matching.inputs import Selection
from matching.inputs.containers.compressed import Frame
from matching.inputs.formats.decoding import DecodingState

#: Bytes of a unit, about, unless a setting says otherwise: half a second of matching.
UNIT_BYTES = 64 << 20
#: Files of one unit at most.
UNIT_FILES = 1_000
#: Bytes at a file's beginning and at its end that say whether it is the same file.
ENDS_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileState:
    """What is compared to know that a node finds the same file. `ends`: hash of its first and last MiB."""

    size: int
    mtime_ns: int
    ends: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the state of a file, which must be a regular one; raises OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            stat = os.fstat(descriptor)
            hashed = hashlib.sha256(os.pread(descriptor, ENDS_BYTES, 0))
            hashed.update(os.pread(descriptor, ENDS_BYTES, max(0, stat.st_size - ENDS_BYTES)))
            return cls(stat.st_size, stat.st_mtime_ns, hashed.hexdigest()[:32])
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class SecondReading:
    """A stretch that is read again for some companies. `left_out`: those with which it is not compared.

    None: it was compared with some company before, so that its candidates count already.
    """

    companies: tuple[int, ...]
    left_out: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class BlockStretch:
    """Blocks of one document. Reading begins in the state `begin` and ends with the block that ends at `end`.

    `block`: number of the first block behind the first look. `companies`: those with which all blocks are
    compared. `known`: those that earlier looks have found, for which no block is looked at.
    """

    document: str
    format: str
    begin: DecodingState
    end: int
    block: int
    blocks: int
    rows: int
    companies: tuple[int, ...]
    frame: Frame | None = None  # from which a compressed file is unpacked
    known: tuple[int, ...] = ()
    again: SecondReading | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Files `files` (from, to) of an input, members of its one file, or a stretch of its one document.

    `source`: the input's name, after which documents are named; `path`: where it is, on all nodes.
    """

    source: str
    path: str
    files: tuple[int, int]
    states: tuple[FileState | None, ...]  # of these files; None: no regular file
    bytes: int
    first_look: bool = False
    members: tuple[int, int] | None = None
    stretch: BlockStretch | None = None

    @property
    def selection(self) -> Selection:
        return Selection(range(*self.files), range(*self.members) if self.members else None)

    @property
    def key(self) -> str:
        """A hash of everything that the result depends on, but for the watch and the options."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:32]

    @property
    def place(self) -> str:
        """Say which part of the input this is."""
        if self.stretch is not None:
            return f"the bytes from {self.stretch.begin.position} to {self.stretch.end}"
        if self.members is not None:
            return f"the members from number {self.members[0] + 1} to {self.members[1]}"
        count = self.files[1] - self.files[0]
        return f"{count} files from number {self.files[0] + 1} on" if count > 1 else "the file"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the unit; raises one of Python's own errors if the JSON is not one."""
        members, stretch = stored["members"], stored["stretch"]
        return cls(
            stored["source"],
            stored["path"],
            _pair(stored["files"]),
            tuple(FileState(**one) if one else None for one in stored["states"]),
            stored["bytes"],
            stored["first_look"],
            _pair(members) if members else None,
            _stretch_from_json(stretch) if stretch else None,
        )


def _pair(stored: list[int]) -> tuple[int, int]:
    first, last = stored
    return int(first), int(last)


def _stretch_from_json(stored: Mapping[str, Any]) -> BlockStretch:
    again = stored["again"]
    return BlockStretch(
        **{
            **stored,
            "begin": DecodingState(**{**stored["begin"], "runner_ups": tuple(stored["begin"]["runner_ups"])}),
            "companies": tuple(stored["companies"]),
            "frame": Frame(**stored["frame"]) if stored["frame"] else None,
            "known": tuple(stored["known"]),
            "again": _second_reading(again) if again else None,
        }
    )


def _second_reading(stored: Mapping[str, Any]) -> SecondReading:
    left_out = stored["left_out"]
    return SecondReading(tuple(stored["companies"]), None if left_out is None else tuple(left_out))
