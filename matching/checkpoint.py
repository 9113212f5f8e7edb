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
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from matching.comparing.agreements import CUSTOMER, PAIR, Agreements
from matching.comparing.findings import CompanyFindings, Findings, HitFound, MentionFound
from matching.comparing.first_look import LeftOut, LookCounts
from matching.identifiers import NORMALISERS, Field
from matching.sweep import DocumentRead, Sweep, SweepProgress
from matching.watch import Watch

#: Of the file's content. The state of another version is not found, and its sweep starts from the beginning.
VERSION = 6
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
            _watch_identity(watch),
            [_file_states(path) for path in paths],
        ]
        name = hashlib.sha256(json.dumps(dependencies, default=str).encode()).hexdigest()[:32]
        return cls(folder / f"{name}{SUFFIX}")

    def save(self, sweep: Sweep) -> None:
        """Write the sweep's whole state, or leave the one before."""
        findings = sweep.findings
        arrays = dict(_agreement_arrays(findings))
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
                findings = _findings_from_json(state, watch, limit)
                for company, found in findings.companies.items():
                    customers, pairs = (stored[f"{name}-{company}"] for name in ("customers", "pairs"))
                    found.agreements.summed_customers = customers.astype(CUSTOMER)
                    found.agreements.add(pairs.astype(PAIR))
                return findings, _progress_from_json(state["progress"])
        except FileNotFoundError:
            return None
        except (
            OSError,
            EOFError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            BadZipFile,
            zlib.error,
        ):
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


def _watch_identity(watch: Watch) -> object:
    segments = [
        (watched.company_id, watched.region, watched.key.id, watched.segment.header.model_dump(mode="json"))
        for watched in watch.segments
    ]
    terms = sorted(
        (term.company_id, term.text, term.kind, term.exclude, term.in_addresses)
        for term in watch.by_id.values()
    )
    return segments, terms


def _file_states(path: Path) -> object:
    """Return names, sizes and times of change of a file, or of a folder and all that it holds.

    A file that was written to since is another input. Its bytes are not hashed: that would take as long as
    the sweep.
    """
    inside = sorted(path.rglob("*"))[:MAX_FILES] if path.is_dir() else []
    stats = [(str(one), one.lstat()) for one in (path.resolve(), *inside)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


# --- the state as arrays and JSON


def _agreement_arrays(findings: Findings) -> Iterator[tuple[str, NDArray[np.void]]]:
    for company, found in findings.companies.items():
        yield f"customers-{company}", found.agreements.summed_customers
        yield f"pairs-{company}", found.agreements.pairs()


def _state_as_json(findings: Findings, progress: SweepProgress) -> dict[str, Any]:
    # A segment is stored by its index in the watch: the file's name says that it is the same watch.
    segments = {id(watched): index for index, watched in enumerate(findings.watch.segments)}
    return {
        "progress": _progress_as_json(progress),
        "candidate_counts": findings.candidate_counts,
        "rows_scanned": findings.rows_scanned,
        "numbered_rows": findings.numbered_rows,
        "candidates_left_out": findings.candidates_left_out,
        "control_hits": [(*key, count) for key, count in findings.control_hits.items()],
        "control_neighbours": [(*key, count) for key, count in findings.control_neighbours.items()],
        "cut": sorted(findings.cut),
        "companies": {
            company: {
                "mentions": [(mention.term.id, *mention[1:]) for mention in found.mentions],
                "hits": [(segments[id(hit.segment)], *hit[1:]) for hit in found.hits],
                "mention_fields": found.mention_fields,
                "terms": found.terms,
                "hit_fields": found.hit_fields,
                "columns": [(*key, count) for key, count in found.columns.items()],
                "summed": (found.agreements.summed_coherent, found.agreements.summed_single),
            }
            for company, found in findings.companies.items()
        },
    }


def _findings_from_json(state: dict[str, Any], watch: Watch, limit: int) -> Findings:
    findings = Findings(
        watch,
        limit,
        candidate_counts=_counts_from_json(state["candidate_counts"]),
        rows_scanned=state["rows_scanned"],
        cut=set(state["cut"]),
        numbered_rows=state["numbered_rows"],
        control_hits=_control_from_json(state["control_hits"]),
        control_neighbours=_control_from_json(state["control_neighbours"]),
    )
    for company, counts in state["candidates_left_out"].items():
        findings.candidates_left_out[int(company)].update(_counts_from_json(counts))
    for company, found in state["companies"].items():
        findings.companies[int(company)] = CompanyFindings(
            mentions=[MentionFound(watch.by_id[term], *rest) for term, *rest in found["mentions"]],
            hits=[
                HitFound(watch.segments[index], Field(name), *rest) for index, name, *rest in found["hits"]
            ],
            mention_fields=Counter(found["mention_fields"]),
            terms=Counter(found["terms"]),
            hit_fields=_counts_from_json(found["hit_fields"]),
            columns=Counter({(Field(name), column): count for name, column, count in found["columns"]}),
            agreements=Agreements(summed_coherent=found["summed"][0], summed_single=found["summed"][1]),
        )
    return findings


def _control_from_json(stored: list[tuple[int, str, int]]) -> Counter[tuple[int, Field]]:
    return Counter({(company, Field(name)): count for company, name, count in stored})


def _counts_from_json(stored: dict[str, int]) -> Counter[Field]:
    return Counter({Field(name): count for name, count in stored.items()})


def _progress_as_json(progress: SweepProgress) -> dict[str, Any]:
    state = {one.name: getattr(progress, one.name) for one in fields(progress)}
    return {**state, "read": [asdict(read) for read in progress.read], "looks": progress.looks.as_json()}


def _progress_from_json(state: dict[str, Any]) -> SweepProgress:
    companies = state["companies"]
    return SweepProgress(
        **{
            **state,
            "read": [_document_from_json(read) for read in state["read"]],
            "companies": None if companies is None else tuple(companies),
            "looks": LookCounts.from_json(state["looks"]),
        }
    )


def _document_from_json(state: dict[str, Any]) -> DocumentRead:
    left_out = tuple(LeftOut(**one) for one in state["left_out"])
    return DocumentRead(**{**state, "left_out": left_out, "read_again_for": tuple(state["read_again_for"])})
