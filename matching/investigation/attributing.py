"""Gives the attribution what was found: pairs of rows and customers, masked rows, the tables of a leak."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from matching.attribution.attribution import Attribution, EnrolledList, MaskedRows, SampleMatches, attribute
from matching.attribution.enrolled_lists import covered_share, enrolled_lists
from matching.attribution.leak_tables import LeakTable, tables_of
from matching.attribution.masked_rows import masked_rows
from matching.attribution.overlap import FieldOverlap
from matching.comparing.findings import Findings
from matching.errors import SegmentRefused
from matching.fingerprints.segments import SegmentPurpose, chain_of
from matching.inputs import Limits, documents
from matching.investigation.full_matches import FullMatches
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.subject import OpenSubject
from matching.investigation.watched_lists import WatchedLists
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.sample_rows import SampleRow
from matching.watch import WatchedSegment

_DOCUMENTS_WITH_TABLES = 50


def leak_tables(opened: OpenSubject, limits: Limits) -> list[LeakTable]:
    """Return the tables of what is investigated, from the beginning of its first documents."""
    found: list[LeakTable] = []
    for name, source in opened.sources():
        found += tables_of(islice(documents(name, source, limits), _DOCUMENTS_WITH_TABLES))
    return found


def attributed(
    findings: Findings,
    lists: WatchedLists,
    company: int,
    full: FullMatches,
    *,
    rows: Sequence[SampleRow],
    tables: Sequence[LeakTable],
) -> Attribution | NotAnswered:
    """Return the attribution of a company's matches. `rows`: without a whole value that was found."""
    if not lists.segments(company, SegmentPurpose.CUSTOMERS):
        return NotAnswered(WhyMissing.NO_SEGMENT)
    enrolled = enrolled_lists(lists.watch.segments, lists.slugs)
    masked = _masked(rows, enrolled, lists.watch.segments)
    if not full.customers and masked is None:
        return NotAnswered(WhyMissing.NO_MATCHES)
    agreements = [found.agreements for found in findings.companies.values()]
    own = findings.companies.get(company)
    return attribute(
        lists.slugs[company],
        enrolled,
        SampleMatches(
            pairs=np.concatenate([lists.no_pairs, *(one.pairs() for one in agreements)]),
            rows=findings.rows_scanned,
            fields=[FieldOverlap(one.field, one.hits, one.candidates, one.by_chance) for one in full.fields],
            columns=dict(own.columns) if own is not None else {},
            customers=np.concatenate([lists.no_customers, *(one.customers() for one in agreements)]),
            tables=tables,
            masked=masked,
        ),
        covered=covered_share(lists.of_company(company), company),
    )


def _masked(
    rows: Sequence[SampleRow], enrolled: Sequence[EnrolledList], segments: Sequence[WatchedSegment]
) -> MaskedRows | None:
    """Look masked rows up in all lists that have masks."""
    shown = [row for row in rows if row.is_masked]
    bases = [_base_of(segments[one.segment]) for one in enrolled] if shown else []
    return masked_rows(shown, bases)


def _base_of(watched: WatchedSegment) -> MaskedBase | None:
    try:
        return MaskedBase.of([(chain_of(watched.segment), watched.key)])
    except SegmentRefused:
        return None
