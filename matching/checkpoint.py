"""A sweep kept on disk while it runs, so that one that was killed goes on where it was.

The file holds what the database may hold: places, counts, ordinals and masked excerpts, never a value. It
lies in a folder of mode 0700, has mode 0600, is written beside itself and renamed, and is named after what is
being compared: other inputs, other segments or other terms are another sweep. A sweep that ends removes it;
those that nobody goes on with are removed by a later one (`remove_abandoned`).
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
from matching.comparing.first_look import LeftOut, Looks
from matching.identifiers import NORMALISERS, Field
from matching.sweep import DocumentRead, Sweep, SweepProgress
from matching.watch import Watch

VERSION = 3
MAX_FILES = 100_000  # of a folder
SUFFIX, DRAFT = ".sweep", ".part"
_OURS = re.compile(rf"[0-9a-f]{{32}}(?:{re.escape(SUFFIX)}|{re.escape(DRAFT)})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file of one sweep."""

    path: Path

    @classmethod
    def of(cls, folder: Path, paths: Iterable[Path], watch: Watch, options: object) -> "Checkpoint":
        """`paths`: what is read; `options`: whatever else makes another result of it, as JSON."""
        what = [
            VERSION,
            sorted(NORMALISERS.items()),
            options,
            _watched(watch),
            [_stat(path) for path in paths],
        ]
        name = hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()[:32]
        return cls(folder / f"{name}{SUFFIX}")

    def save(self, sweep: Sweep) -> None:
        """All of it or nothing."""
        findings = sweep.findings
        arrays = dict(_arrays(findings))
        said = json.dumps(_said(findings, sweep.progress)).encode()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            np.savez(stream, allow_pickle=False, said=np.frombuffer(said, np.uint8), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        self._draft.replace(self.path)

    def load(self, watch: Watch, limit: int) -> tuple[Findings, SweepProgress] | None:
        """What was found and how far it was; None where there is nothing that can be gone on with."""
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                said = json.loads(stored["said"].tobytes())
                findings = _findings(said, watch, limit)
                for company, found in findings.companies.items():
                    settled, pairs = (stored[f"{name}-{company}"] for name in ("settled", "pairs"))
                    found.agreements.settled = settled.astype(CUSTOMER)
                    found.agreements.add(pairs.astype(PAIR))
                return findings, _progress(said["progress"])
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
            # Torn or foreign: a sweep from the beginning is always right.
            return None

    def remove(self) -> None:
        """What was kept, and what a killed one was about to keep."""
        self.path.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)

    @property
    def _draft(self) -> Path:
        return self.path.with_suffix(DRAFT)


def remove_abandoned(folder: Path, *, before: datetime) -> int:
    """Remove what sweeps have kept that nobody went on with since; returns how many files. One that runs is
    kept anew every few seconds.
    """
    removed = 0
    with suppress(OSError):  # the folder is not there, or not ours: then nothing in it is
        for entry in [*os.scandir(folder)]:
            if not _OURS.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
    return removed


def _watched(watch: Watch) -> object:
    segments = [
        (one.company_id, one.region, one.key.id, one.segment.header.model_dump(mode="json"))
        for one in watch.segments
    ]
    terms = sorted((term.company_id, term.text, term.kind, term.exclude) for term in watch.by_id.values())
    return segments, terms


def _stat(path: Path) -> object:
    """A file that was written to since is another one, and so is a folder with such a file."""
    paths = sorted(path.rglob("*"))[:MAX_FILES] if path.is_dir() else []
    found = [(str(one), one.lstat()) for one in (path.resolve(), *paths)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def _arrays(findings: Findings) -> Iterator[tuple[str, NDArray[np.void]]]:
    for company, found in findings.companies.items():
        yield f"settled-{company}", found.agreements.settled
        yield f"pairs-{company}", found.agreements.pairs()


def _said(findings: Findings, progress: SweepProgress) -> dict[str, Any]:
    segments = {id(one): number for number, one in enumerate(findings.watch.segments)}
    return {
        "progress": _how_far(progress),
        "tried": findings.tried,
        "rows_scanned": findings.rows_scanned,
        "numbered": findings.numbered,
        "spared": findings.spared,
        "cut": sorted(findings.cut),
        "companies": {
            company: {
                "mentions": [(one.term.id, *one[1:]) for one in found.mentions],
                "hits": [(segments[id(one.segment)], *one[1:]) for one in found.hits],
                "mention_fields": found.mention_fields,
                "terms": found.terms,
                "hit_fields": found.hit_fields,
                "columns": [(*key, count) for key, count in found.columns.items()],
                "agreed": (found.agreements.coherent, found.agreements.single),
            }
            for company, found in findings.companies.items()
        },
    }


def _findings(said: dict[str, Any], watch: Watch, limit: int) -> Findings:
    findings = Findings(
        watch,
        limit,
        tried=Counter({Field(name): count for name, count in said["tried"].items()}),
        rows_scanned=said["rows_scanned"],
        cut=set(said["cut"]),
        numbered=said["numbered"],
    )
    for company, tried in said["spared"].items():
        findings.spared[int(company)].update({Field(name): count for name, count in tried.items()})
    for company, found in said["companies"].items():
        findings.companies[int(company)] = CompanyFindings(
            mentions=[MentionFound(watch.by_id[term], *rest) for term, *rest in found["mentions"]],
            hits=[
                HitFound(watch.segments[number], Field(name), *rest) for number, name, *rest in found["hits"]
            ],
            mention_fields=Counter(found["mention_fields"]),
            terms=Counter(found["terms"]),
            hit_fields=Counter({Field(name): count for name, count in found["hit_fields"].items()}),
            columns=Counter({(Field(name), column): count for name, column, count in found["columns"]}),
            agreements=Agreements(coherent=found["agreed"][0], single=found["agreed"][1]),
        )
    return findings


def _how_far(progress: SweepProgress) -> dict[str, Any]:
    far = {one.name: getattr(progress, one.name) for one in fields(progress)}
    return {**far, "read": [asdict(read) for read in progress.read], "looks": progress.looks.said()}


def _progress(said: dict[str, Any]) -> SweepProgress:
    companies = said["companies"]
    return SweepProgress(
        **{
            **said,
            "read": [_read(one) for one in said["read"]],
            "companies": None if companies is None else tuple(companies),
            "looks": Looks.of(said["looks"]),
        }
    )


def _read(said: dict[str, Any]) -> DocumentRead:
    left_out = tuple(LeftOut(**one) for one in said["left_out"])
    return DocumentRead(**{**said, "left_out": left_out, "owed": tuple(said["owed"])})
