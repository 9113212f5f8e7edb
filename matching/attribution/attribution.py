"""Attribution for one company, from whole and masked rows: overlap, cohorts, recycled share, holders, schema.

1. Rows are distinct: a row stands for the customer with whom it agrees on most fields, and a customer counts
   once, however often the sample repeats the row. Of very many rows, evenly spaced ones are compared.
2. In each list a row is held by the customers who agree with it on most fields. Masked rows are held by as
   many customers as look like what is visible.
3. A match is a row that a list of the company's customers holds. Rows of known breaches alone are no matches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.attribution.cohorts import CohortDating, CohortVerdict, Counts, date_copy
from matching.attribution.holders import (
    Chances,
    HeldCounts,
    Holder,
    HolderComparison,
    HolderKind,
    compare_holders,
)
from matching.attribution.leak_tables import LeakTable
from matching.attribution.overlap import FieldOverlap, Overlap, PairTable, merged_pairs, overlap_of
from matching.attribution.recycled import Recycled, recycled_share
from matching.attribution.schema_fit import SchemaFit, SchemaVerdict, compare_schema
from matching.fingerprints.segments.declared_schema import DeclaredSchema
from matching.identifiers import Field

#: Entries of the table of rows and lists that holders are compared by: 80 MB.
_TABLE_LIMIT = 10_000_000
_LEAST_COHERENT = 5  # rows that agree on two fields, for those that agree on one to be left out
#: A masked row is of somebody in a list where fewer strangers of its size than this look like it.
_STRANGERS = 0.1

Ordinals = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class EnrolledList:
    """A list of customers, or a known breach, as it was compared. `segment`: its index in the pairs.

    `enrolled`: customers by cohort, index 0 without a date; `cohort_of` gives the cohort of ordinals.
    """

    segment: int
    holder: Holder
    begins: tuple[date, ...] = ()
    enrolled: Counts = field(default_factory=lambda: np.zeros(1, np.int64))
    cohort_of: Callable[[Ordinals], NDArray[np.uint8]] = lambda ordinals: np.zeros(len(ordinals), np.uint8)
    schema: DeclaredSchema | None = None

    @property
    def is_known_breach(self) -> bool:
        return self.holder.kind is HolderKind.KNOWN_BREACH


@dataclass(frozen=True, slots=True)
class MaskedRows:
    """Distinct masked rows. `held` and `cohorts` are in the order of the lists.

    `chances`: that a stranger looks like the row. `cohorts`: of each list, the cohorts of its customers who
    are the only ones that look like a row.
    """

    held: HeldCounts
    chances: Chances
    cohorts: Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class SampleMatches:
    """What was found in a sample or dump.

    `pairs`: rows and customers that agree. `customers`: each customer once, with the fields that agree in any
    row; None where the pairs are all there are. `rows`: of the sample.
    """

    pairs: PairTable
    rows: int
    fields: Sequence[FieldOverlap] = ()
    columns: Mapping[tuple[Field, str], int] = field(default_factory=dict)
    customers: PairTable | None = None
    tables: Sequence[LeakTable] = ()
    masked: MaskedRows | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """All answers for one company."""

    company: str
    overlap: Overlap
    cohorts: CohortDating
    recycled: Recycled
    holders: HolderComparison
    schema: SchemaFit

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answers in words, in the order in which they are read."""
        parts = (self.cohorts, self.recycled, self.holders, self.schema)
        return tuple(part.sentence for part in parts)

    def as_dict(self) -> dict[str, Any]:
        return {
            "overlap": self.overlap.as_dict(),
            "cohorts": self.cohorts.as_dict(),
            "recycled": self.recycled.as_dict(),
            "holders": self.holders.as_dict(),
            "schema": self.schema.as_dict(),
        }


def attribute(
    company: str,
    lists: Sequence[EnrolledList],
    found: SampleMatches,
    *,
    covered: float | None = None,
) -> Attribution:
    """Return the attribution of what was found.

    `lists`: everything that was compared, also of other companies, whose lists are holders, too; canaries are
    not among them. `covered`: the share of the company's base that its known breaches cover.
    """
    own = [place for place, one in enumerate(lists) if _is_base_of(one, company)]
    breaches = {
        one.holder.label: place
        for place, one in enumerate(lists)
        if one.is_known_breach and one.holder.company == company
    }
    held = _held_whole_rows(found.pairs, lists)
    sizes = np.array([one.holder.customers for one in lists], np.int64)
    chances = np.full(len(held), 1 / max([1, *sizes.tolist()]))
    shows = held > 0  # that a row is of somebody in a list
    if found.masked is not None:
        rare = found.masked.chances[:, None] * sizes < _STRANGERS
        shows = np.concatenate((shows, (found.masked.held > 0) & rare))
        held = np.concatenate((held, found.masked.held))
        chances = np.concatenate((chances, found.masked.chances))
    matched = shows[:, own].any(axis=1)
    known = {label: shows[matched, place] for label, place in breaches.items()}
    own_pairs = _pairs_of(found.pairs, [lists[place] for place in own])
    return Attribution(
        company,
        overlap_of(own_pairs, found.rows, found.fields, found.columns),
        _date(lists, own, found),
        recycled_share(known, int(np.count_nonzero(matched)), covered),
        compare_holders([one.holder for one in lists], held, chances),
        _best_schema([lists[place] for place in own], found.tables),
    )


def _is_base_of(one: EnrolledList, company: str) -> bool:
    return one.holder.company == company and not one.is_known_breach


def _pairs_of(pairs: PairTable, lists: Sequence[EnrolledList]) -> PairTable:
    own: PairTable = pairs[np.isin(pairs["segment"], [one.segment for one in lists])]
    return own


def _held_whole_rows(pairs: PairTable, lists: Sequence[EnrolledList]) -> HeldCounts:
    """Return for each distinct row and list how many of its customers agree with the row best."""
    merged = merged_pairs(_pairs_of(pairs, lists))
    if not len(merged):
        return np.zeros((0, len(lists)), np.int64)
    agreed = np.bitwise_count(merged["fields"]).astype(np.int64)
    order = np.lexsort((merged["ordinal"], merged["segment"], -agreed, merged["row"]))
    merged, agreed = merged[order], agreed[order]
    starts = np.flatnonzero(np.r_[True, merged["row"][1:] != merged["row"][:-1]])
    customers = merged["segment"][starts].astype(np.int64) << 32 | merged["ordinal"][starts]
    _, firsts = np.unique(customers, return_index=True)
    kept_rows = _evenly_spaced(np.sort(merged["row"][starts[firsts]]), _TABLE_LIMIT // len(lists))
    inside = np.isin(merged["row"], kept_rows)
    merged, agreed = merged[inside], agreed[inside]
    rows = np.searchsorted(kept_rows, merged["row"])
    place_of = np.zeros(max(one.segment for one in lists) + 1, np.int64)
    place_of[[one.segment for one in lists]] = np.arange(len(lists))
    places = place_of[merged["segment"]]
    best = np.zeros((len(kept_rows), len(lists)), np.int64)
    np.maximum.at(best, (rows, places), agreed)
    held = np.zeros_like(best)
    np.add.at(held, (rows, places), agreed == best[rows, places])
    return held


def _evenly_spaced(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, max(1, limit)).astype(np.int64)]


def _date(lists: Sequence[EnrolledList], own: Sequence[int], found: SampleMatches) -> CohortDating:
    """Date the copy by that list of the company which has cohorts and most of the matches."""
    customers = found.pairs if found.customers is None else found.customers
    dated = []
    for place in own:
        one = lists[place]
        if len(one.begins) < 2:
            continue
        cohorts = one.cohort_of(_matched_ordinals(customers, one.segment))
        if found.masked is not None:
            cohorts = np.concatenate((cohorts, found.masked.cohorts[place]))
        cohorts = cohorts[cohorts < len(one.enrolled)]  # others are of a damaged file
        matched = np.bincount(cohorts, minlength=len(one.enrolled)).astype(np.int64)
        dated.append((int(matched.sum()), -place, matched, one))
    if not dated:
        return CohortDating(CohortVerdict.NO_DATES, 0, 0)
    _, _, matched, one = max(dated, key=lambda each: each[:2])
    return date_copy(matched, one.enrolled, one.begins)


def _matched_ordinals(customers: PairTable, segment: int) -> Ordinals:
    """Return the matched customers of a segment: those who agree on two fields, if they are enough."""
    own = customers[customers["segment"] == segment]
    own = merged_pairs(own) if "row" in (own.dtype.names or ()) else own
    coherent = np.unique(own["ordinal"][np.bitwise_count(own["fields"]) > 1])
    return coherent if len(coherent) >= _LEAST_COHERENT else np.unique(own["ordinal"])


def _best_schema(own: Sequence[EnrolledList], tables: Sequence[LeakTable]) -> SchemaFit:
    """Return the comparison of that declared schema and that table which fit best."""
    compared: Sequence[LeakTable | None] = tables or (None,)
    found = [compare_schema(one.schema, table) for one in own for table in compared]
    order = list(SchemaVerdict)
    return min(found, key=lambda fit: order.index(fit.verdict), default=SchemaFit(SchemaVerdict.NO_SCHEMA))
