"""What a pass of retention would delete now, and why. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from storage.captures import Capture
from storage.holds import open_cases
from storage.listing_tables import Attachment, ListingVersion
from storage.retention.policy import (
    RULES,
    AgeLimits,
    RetentionKind,
    RetentionRule,
    age_limits,
    source_ids_by_name,
)
from storage.settings import RetentionSettings
from storage.sources import Source


@dataclass(frozen=True, slots=True)
class GoingRows:
    """What goes by one rule: of one source, or of all (`source` is None for rows that belong to no source).

    `evidence_bytes` are those of records in the evidence; each record counts once.
    """

    rule: str
    kind: RetentionKind
    source: str | None
    days: int
    why: str
    rows: int
    evidence_bytes: int
    oldest: datetime


def going_rows(session: Session, settings: RetentionSettings, *, now: datetime) -> list[GoingRows]:
    """Return what a pass would delete now, by rule and source, in the order of the table of rules.

    It counts all rows that go, so on a large database it takes some seconds.
    """
    ids = source_ids_by_name(session)
    names = {source_id: name for name, source_id in ids.items()}
    found: list[GoingRows] = []
    holds = bool(open_cases(session))
    for rule in RULES if settings.enabled else ():
        limits = replace(age_limits(settings, rule.kind, ids, now=now), holds=holds)
        if limits.latest is not None:
            found += _going_by(session, rule, limits, settings, names, now)
    return found


def _going_by(
    session: Session,
    rule: RetentionRule,
    limits: AgeLimits,
    settings: RetentionSettings,
    names: dict[int, str],
    now: datetime,
) -> list[GoingRows]:
    going = rule.goes(limits, now)
    by = [] if rule.source_id is None else [rule.source_id]
    query = select(func.count(), func.min(rule.at), *by).where(*going)
    counted = session.execute(query.group_by(*by) if by else query).all()
    sizes = _evidence_bytes(session, rule, going)
    return [
        GoingRows(
            rule=rule.name,
            kind=rule.kind,
            source=names.get(row[2]) if by else None,
            days=days_of(settings, rule.kind, names.get(row[2]) if by else None),
            why=rule.why,
            rows=row[0],
            evidence_bytes=sizes.get(row[2] if by else None, 0),
            oldest=row[1],
        )
        for row in counted
        if row[0]
    ]


def days_of(settings: RetentionSettings, kind: RetentionKind, source: str | None) -> int:
    """Return for how many days a kind is kept, of a source or in general."""
    name = f"{kind.value}_days"
    own = settings.sources.get(source or "")
    days: int | None = getattr(own, name, None) if own is not None else None
    return int(getattr(settings, name)) if days is None else days


def _evidence_bytes(session: Session, rule: RetentionRule, going: Sequence[Any]) -> dict[int | None, int]:
    """Return the bytes of evidence that go by a rule, by source."""
    sizes: dict[int | None, int] = {}
    for query in _size_queries(rule, going):
        for source_id, size in session.execute(query):
            sizes[source_id] = sizes.get(source_id, 0) + int(size or 0)
    return sizes


def _size_queries(rule: RetentionRule, going: Sequence[Any]) -> list[Executable]:
    if rule.table is Capture:
        return [
            select(Capture.source_id, func.sum(Capture.evidence_length))
            .where(*going)
            .group_by(Capture.source_id)
        ]
    if rule.table is not ListingVersion or rule.source_id is None:
        return []
    ids = select(ListingVersion.id).where(*going)
    versions = select(rule.source_id, func.sum(ListingVersion.evidence_length)).where(*going)
    attached = (
        select(rule.source_id, func.sum(Attachment.evidence_length))
        .join(ListingVersion, ListingVersion.id == Attachment.version_id)
        .where(Attachment.version_id.in_(ids))
    )
    queries: list[Executable] = [versions.group_by(rule.source_id), attached.group_by(rule.source_id)]
    if rule.kind is RetentionKind.EVIDENCE:
        queries.append(_responses_of(ids))
    return queries


def _responses_of(ids: Select[int]) -> Executable:
    """Query the responses that only these versions were read from, by source."""
    used = [
        exists(select(ListingVersion.id).where(ListingVersion.capture_id == Capture.id, condition))
        for condition in (
            ListingVersion.id.in_(ids),
            ListingVersion.id.not_in(ids) & ListingVersion.evidence_offset.is_not(None),
        )
    ]
    elsewhere = exists(
        select(Attachment.id).where(
            Attachment.capture_id == Capture.id,
            Attachment.version_id.not_in(ids),
            Attachment.evidence_offset.is_not(None),
        )
    )
    of_attachments = exists(
        select(Attachment.id).where(Attachment.capture_id == Capture.id, Attachment.version_id.in_(ids))
    )
    return (
        select(Capture.source_id, func.sum(Capture.evidence_length))
        .where(or_(used[0], of_attachments), ~used[1], ~elsewhere, Capture.evidence_offset.is_not(None))
        .group_by(Capture.source_id)
    )


def unknown_sources(session: Session, settings: RetentionSettings) -> list[str]:
    """Return the names of [retention.sources] that are no source of this database, removed ones included."""
    known = set(session.scalars(select(Source.name)))
    return sorted(set(settings.sources) - known)
