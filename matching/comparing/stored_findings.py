"""Findings as JSON and arrays, and back: what a checkpoint holds, and what a unit of a dump gives.

They hold places, counts, ordinals and masked excerpts, never a value. Terms and segments are stored by their
number in the watch, so they can be read only with the same watch.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from matching.comparing.agreements import CUSTOMER, PAIR, Agreements
from matching.comparing.canary_sightings import CanarySighting, CanarySightings
from matching.comparing.findings import CompanyFindings, Findings, HitFound, MentionFound
from matching.identifiers import Field
from matching.watch import Watch

#: What reading them raises where the file is damaged, or of another version.
UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, BadZipFile, zlib.error)
_MENTION, _HIT = "mention", "hit"


def agreement_arrays(findings: Findings, prefix: str = "") -> Iterator[tuple[str, NDArray[np.void]]]:
    """Yield the arrays that belong to the JSON, each with its name."""
    for company, found in findings.companies.items():
        yield f"{prefix}customers-{company}", found.agreements.summed_customers
        yield f"{prefix}pairs-{company}", found.agreements.pairs()


def findings_as_json(findings: Findings) -> dict[str, Any]:
    segments = {id(watched): index for index, watched in enumerate(findings.watch.segments)}
    return {
        "candidate_counts": findings.candidate_counts,
        "rows_scanned": findings.rows_scanned,
        "numbered_rows": findings.numbered_rows,
        "candidates_left_out": findings.candidates_left_out,
        "control_hits": [(*key, count) for key, count in findings.control_hits.items()],
        "control_neighbours": [(*key, count) for key, count in findings.control_neighbours.items()],
        "cut": sorted(findings.cut),
        "companies": {
            company: {
                "kept": [_kept_as_json(one, segments) for one in found.kept],
                "mention_fields": found.mention_fields,
                "terms": found.terms,
                "hit_fields": found.hit_fields,
                "columns": [(*key, count) for key, count in found.columns.items()],
                "canaries": [astuple(one) for one in found.canaries],
                "known_rows": found.known_rows,
                "recycled_rows": found.recycled_rows,
                "summed": (found.agreements.summed_coherent, found.agreements.summed_single),
            }
            for company, found in findings.companies.items()
        },
    }


def findings_from_json(
    state: Mapping[str, Any],
    arrays: Mapping[str, NDArray[np.void]],
    watch: Watch,
    limit: int,
    prefix: str = "",
) -> Findings:
    """Return the findings; raises one of Python's own errors if something is not what was written."""
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
        agreements = Agreements(summed_coherent=found["summed"][0], summed_single=found["summed"][1])
        agreements.summed_customers = arrays[f"{prefix}customers-{company}"].astype(CUSTOMER)
        agreements.add(arrays[f"{prefix}pairs-{company}"].astype(PAIR))
        findings.companies[int(company)] = CompanyFindings(
            kept=[_kept_from_json(one, watch) for one in found["kept"]],
            mention_fields=Counter(found["mention_fields"]),
            terms=Counter(found["terms"]),
            hit_fields=_counts_from_json(found["hit_fields"]),
            columns=Counter({(Field(name), column): count for name, column, count in found["columns"]}),
            agreements=agreements,
            canaries=_canaries_from_json(found["canaries"]),
            known_rows=Counter(found["known_rows"]),
            recycled_rows=Counter(found["recycled_rows"]),
        )
    return findings


def _canaries_from_json(stored: Sequence[Sequence[Any]]) -> CanarySightings:
    sightings = CanarySightings()
    for one in stored:
        sightings.add(CanarySighting(*one))
    return sightings


def _kept_as_json(one: MentionFound | HitFound, segments: Mapping[int, int]) -> tuple[Any, ...]:
    if isinstance(one, MentionFound):
        return (_MENTION, one.term.id, *one[1:])
    return (_HIT, segments[id(one.segment)], *one[1:])


def _kept_from_json(stored: Sequence[Any], watch: Watch) -> MentionFound | HitFound:
    kind, number, *rest = stored
    if kind == _MENTION:
        return MentionFound(watch.by_id[number], *rest)
    return HitFound(watch.segments[number], Field(rest[0]), *rest[1:])


def _control_from_json(stored: list[tuple[int, str, int]]) -> Counter[tuple[int, Field]]:
    return Counter({(company, Field(name)): count for company, name, count in stored})


def _counts_from_json(stored: dict[str, int]) -> Counter[Field]:
    return Counter({Field(name): count for name, count in stored.items()})
