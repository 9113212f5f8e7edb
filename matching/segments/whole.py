"""Writes the base of a list that is in memory."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from matching.fingerprints import Fingerprints, Key
from matching.identifiers import Field
from matching.segments.build import in_order, records_of, write_segment
from matching.segments.format import Header, Ordinals, Records
from matching.segments.series import first_header


def sorted_columns(values: Fingerprints, ordinals: Ordinals) -> Records:
    """The records of one field; a pair of fingerprint and ordinal that comes twice is kept once."""
    return in_order(records_of(values, ordinals))


def write(
    path: Path,
    columns: Mapping[Field, Records],
    *,
    company: str,
    default_region: str,
    key: Key,
    customers: int,
    now: datetime,
) -> Header:
    """Write a segment, all of it or nothing, with mode 0600."""
    header = first_header(
        company=company,
        default_region=default_region,
        key=key,
        customers=customers,
        counts={name: len(records) for name, records in columns.items()},
        now=now,
    )
    return write_segment(path, header, {name: [records] for name, records in columns.items()})
