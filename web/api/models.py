"""The shapes of what the API answers, which are those of the commands' `--json`, too.

A command adds the number of a row that only the installation itself may know (`id`): a sequence of numbers
would tell one company how much is found about others. All text is masked. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from alerts.message import MessageContent
from alerts.severity import Signal
from storage.alerts import Alert, AlertChange, AlertKind, AlertRevision, Severity, TriageState
from storage.audit_log import AuditEntry
from storage.companies import Company, Segment, Term, TermKind
from storage.deliveries import Attempt, AttemptOutcome, Delivery, DeliveryState
from storage.listings import Life, Listing, ListingVersion, MatchState
from storage.matches import MatchSummary
from storage.nodes import Node, node_state
from storage.runs import Run, RunOutcome, RunState, RunTrigger
from storage.sources import Source, SourceHealth
from storage.triage import FindingNote
from storage.visible.findings import AlertNames
from text.printable import printable

Item = TypeVar("Item")


class Shape(BaseModel):
    """The base of all shapes: each key is always there, also if it is null."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_serialization_defaults_required=True, defer_build=True
    )


def _values(shape: type[Shape], row: object, **named: object) -> dict[str, Any]:
    """Return the values of a shape's fields: those named, and the row's for the others."""
    return {key: named[key] if key in named else getattr(row, key) for key in shape.model_fields}


class Paged(Shape, Generic[Item]):
    """Some items of a list, in its order."""

    items: list[Item]
    next: str | None = Field(description="Cursor of the next page; null if this is the last one.")


# --- findings


class AlertShape(Shape):
    """An alert: for the API, one about a finding."""

    reference: str = Field(description="Names the finding: nine letters and digits.")
    kind: AlertKind
    severity: Severity
    score: int = Field(description="Sum of the signals' weights.")
    state: TriageState
    title: str
    company: str | None = Field(description="Slug of the company; null for alerts about Spillwatch itself.")
    source: str | None = Field(description="Name of the source.")
    listing: int | None = Field(description="Number of the listing.")
    owner: str | None = Field(description="Name of the person who has taken it.")
    labels: list[str]
    merged_into: str | None = Field(description="Reference of the finding that this one was merged into.")
    opened_at: datetime
    updated_at: datetime
    messages: int = Field(description="Number of the last revision.")
    acknowledged_at: datetime | None = Field(description="When the state was last changed by a person.")
    acknowledged_by: str | None
    note: str | None = Field(description="Reason of the last change of state.")

    @classmethod
    def of(cls, alert: Alert, names: AlertNames) -> Self:
        return cls(**_alert_fields(alert, names))


def _alert_fields(alert: Alert, names: AlertNames) -> dict[str, Any]:
    return {
        "reference": alert.reference,
        "kind": alert.kind,
        "severity": alert.severity,
        "score": alert.score,
        "state": alert.state,
        "title": printable(alert.title),
        "company": names.companies.get(alert.company_id or 0),
        "source": names.sources.get(alert.source_id or 0),
        "listing": alert.listing_id,
        "owner": names.owners.get(alert.owner_id or 0),
        "labels": list(names.labels.get(alert.id, ())),
        "merged_into": names.merged_into.get(alert.merged_into_id or 0),
        "opened_at": alert.opened_at,
        "updated_at": alert.updated_at,
        "messages": alert.revision,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "note": alert.note,
    }


class FindingDetailShape(AlertShape):
    """A finding with what its last message says."""

    signals: list[Signal] = Field(description="The reasons for the severity, heaviest first.")
    content: MessageContent = Field(description="What its last message says, without its number.")

    @classmethod
    def with_message(cls, alert: Alert, names: AlertNames, revision: AlertRevision) -> FindingDetailShape:
        said = {"signals": revision.signals, "content": revision.content}
        return cls.model_validate(_alert_fields(alert, names) | said)


class RevisionShape(Shape):
    """A revision of a finding: what a message says."""

    message: int = Field(description="Number of the revision, from 1.")
    at: datetime
    change: AlertChange
    severity: Severity
    score: int
    signals: list[Signal] = Field(description="The reasons for the severity, heaviest first.")

    @classmethod
    def of(cls, revision: AlertRevision) -> RevisionShape:
        return cls(
            message=revision.number,
            at=revision.at,
            change=revision.change,
            severity=revision.severity,
            score=revision.score,
            signals=[Signal.model_validate(each) for each in revision.signals],
        )


class RevisionDetailShape(RevisionShape):
    """A revision with all that its message says."""

    content: MessageContent

    @classmethod
    def with_content(cls, revision: AlertRevision) -> RevisionDetailShape:
        shape = RevisionShape.of(revision).model_dump()
        return cls.model_validate(shape | {"content": revision.content})


class NoteShape(Shape):
    """A note that a person wrote about a finding."""

    at: datetime
    by: str
    text: str

    @classmethod
    def of(cls, note: FindingNote) -> NoteShape:
        return cls.model_validate(note)


class TimelineShape(Shape):
    """One event in the life of a finding."""

    at: datetime
    event: str = Field(description="captured, matched, message, sent, state or note.")
    by: str | None = Field(description="Who did it; null: Spillwatch.")
    text: str = Field(description="Change of a message, channel, states before and after, or the note.")
    reason: str | None


# --- listings


class ListingShape(Shape):
    """A listing as it was last seen."""

    id: int
    source: str
    key: str
    url: str
    life: Life
    title: str
    seller: str | None
    price_amount: Decimal | None = Field(description="Decimal number, as text.")
    price_currency: str | None
    claimed_records: int | None
    data_classes: list[str]
    posted_at: datetime | None
    posted_at_uncertain: bool
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    version_number: int
    repost_of_id: int | None

    @classmethod
    def of(cls, listing: Listing) -> ListingShape:
        """Return the shape of a listing whose source was loaded with it."""
        return cls(**_values(ListingShape, listing, source=listing.source.name))


class VersionShape(Shape):
    """A version of a listing, without its text."""

    number: int
    seen_at: datetime
    changes: list[dict[str, Any]] = Field(description="Changed fields with their values before and after.")
    match_state: MatchState
    match_reason: str | None
    matched_at: datetime | None
    evidence_file: str | None
    evidence_offset: int | None
    evidence_length: int | None
    evidence_gone: str | None

    @classmethod
    def of(cls, version: ListingVersion) -> VersionShape:
        return cls.model_validate(version)


class MatchShape(Shape):
    """What was found of one company in one version of a listing, as counts."""

    company: str
    version: int
    mentions: int
    mention_fields: dict[str, int]
    terms: list[str]
    hits: dict[str, int]
    single_hits: int
    coherent_rows: int
    customers: int
    candidates: int
    rows_scanned: int
    found_at: datetime

    @classmethod
    def of(cls, summary: MatchSummary, company: str, version: int) -> MatchShape:
        return cls(**_values(cls, summary, company=company, version=version))


class VersionDetailShape(VersionShape):
    """A version of a listing with its masked text."""

    title: str
    body: str
    sample: str
    links: list[str]


class ListingDetailShape(ListingShape):
    """A listing with its newest text, and what was found in it for the caller's companies."""

    body: str
    sample: str
    links: list[str]
    versions: list[VersionShape]
    matches: list[MatchShape]


# --- sources


class RunShape(Shape):
    """One visit to a source."""

    id: int
    source: str
    slot: str
    trigger: RunTrigger
    state: RunState
    outcome: RunOutcome | None
    reason: str | None
    detail: str | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pages: int
    pages_unread: int | None
    captures: int
    bytes: int
    listings_seen: int
    listings_new: int
    listings_changed: int

    @classmethod
    def of(cls, run: Run) -> RunShape:
        """Return the shape of a run whose source was loaded with it."""
        detail = printable(run.detail or "") or None
        return cls(**_values(cls, run, source=run.source.name, detail=detail))


class SourceShape(Shape):
    """A source and its last run."""

    name: str
    kind: str | None
    enabled: bool | None
    health: str
    health_since: datetime | None
    last_run: datetime | None
    last_outcome: RunOutcome | None
    file: str | None = Field(description="Name of the file that declares it; null: added by a person.")

    @classmethod
    def of(cls, source: Source, last: Run | None) -> SourceShape:
        return cls(
            name=source.name,
            kind=source.kind,
            enabled=source.enabled,
            health=source.health,
            health_since=source.health_since,
            last_run=None if last is None else last.queued_at,
            last_outcome=None if last is None else last.outcome,
            file=source.declared_in and PurePath(source.declared_in).name,
        )


class VitalsShape(Shape):
    """The health of a source, and what it follows from."""

    name: str
    enabled: bool
    health: SourceHealth
    health_since: datetime | None
    last_run: datetime | None
    outcome: str | None
    reason: str | None
    detail: str | None
    last_success: datetime | None
    listings_seen: int | None
    listings_usual: float | None
    pages_unread: int | None
    selectors: int
    selectors_lost: list[str]
    newest_listing: datetime | None
    newest_posted: datetime | None
    cookies: str | None
    cookies_expire: datetime | None
    next_run: datetime | None
    well: bool


class SourceDetailShape(SourceShape):
    """A source with its health and what that follows from."""

    vitals: VitalsShape


class NodeShape(Shape):
    """A running daemon: its lease and its work."""

    id: int
    name: str
    state: str = Field(description="alive, lapsed, or how it ended.")
    engine: str
    roles: list[str]
    routes: list[str]
    version: str
    schema_revision: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    heartbeat_age_s: float
    lease_until: datetime
    ended_at: datetime | None
    in_hand: dict[str, int]

    @classmethod
    def of(cls, node: Node, now: datetime, in_hand: Mapping[str, int]) -> NodeShape:
        age_s = round((now - node.heartbeat_at).total_seconds(), 1)
        changed = {"state": node_state(node, now), "heartbeat_age_s": age_s, "in_hand": dict(in_hand)}
        return cls(**_values(cls, node, **changed))


# --- coverage


class GapShape(Shape):
    """Time in which a source was not read as scheduled."""

    begin: datetime
    end: datetime
    hours: float


class SourceCoverageShape(Shape):
    """What was read of a source in a period."""

    name: str
    enabled: bool
    health: str
    watched_since: datetime
    runs_kept_since: datetime | None
    runs: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    pages: int
    pages_unread: int
    left_out: dict[str, int]
    gaps: list[GapShape] | None
    order_unknown: bool
    given_up: int
    newest_listing: datetime | None
    newest_posted: datetime | None
    versions: dict[str, int]
    more_versions: bool
    hours_unseen: float
    whole: bool


class CompanyCoverageShape(Shape):
    """What listings are compared with for a company."""

    company: str
    terms: int
    customers: int
    comparable: bool
    why_not: str | None


class CoverageShape(Shape):
    """What was watched in a period, so that "nothing found" can be judged."""

    since: datetime
    until: datetime
    sources: list[SourceCoverageShape]
    companies: list[CompanyCoverageShape]
    sentence: str


# --- companies


class TermShape(Shape):
    """A watch term."""

    text: str
    kind: TermKind
    owner: str
    reason: str
    active: bool

    @classmethod
    def of(cls, term: Term) -> TermShape:
        return cls.model_validate(term)


class SegmentShape(Shape):
    """Fingerprints that listings are compared with."""

    file: str
    purpose: str
    fields: list[str]
    customers: int
    fingerprints: int
    imported_at: datetime
    active: bool

    @classmethod
    def of(cls, segment: Segment) -> SegmentShape:
        shape = cls.model_validate(segment)
        return shape.model_copy(update={"file": PurePath(segment.file).name})


class CompanyShape(Shape):
    """A watched company."""

    slug: str
    name: str
    active: bool
    file: str | None = Field(description="Name of the file that declares it; null: added by a person.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, company: Company) -> CompanyShape:
        return cls(
            slug=company.slug,
            name=company.name,
            active=company.active,
            file=company.declared_in and PurePath(company.declared_in).name,
            created_at=company.created_at,
            updated_at=company.updated_at,
        )


class CompanyDetailShape(CompanyShape):
    """A company with what is watched for it."""

    terms: list[TermShape]
    segments: list[SegmentShape]


# --- deliveries


class DeliveryShape(Shape):
    """A message of a finding on its way through a channel."""

    idempotency_key: str = Field(description="Names the delivery; the receiver gets it as the message's id.")
    finding: str | None = Field(description="Reference of the finding; null for other alerts.")
    message: int
    channel: str
    transport: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, delivery: Delivery, alert: Alert | None) -> DeliveryShape:
        pending = delivery.state is DeliveryState.PENDING
        of_finding = alert is not None and alert.kind is AlertKind.FINDING
        return cls(
            idempotency_key=delivery.idempotency_key,
            finding=alert.reference if alert is not None and of_finding else None,
            message=delivery.revision,
            channel=delivery.channel,
            transport=delivery.transport,
            state=delivery.state,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at if pending else None,
            sent_at=delivery.sent_at,
            reason=delivery.reason,
        )


class AttemptShape(Shape):
    """One attempt to send a message."""

    number: int
    started_at: datetime
    duration_ms: int | None
    outcome: AttemptOutcome | None
    status_code: int | None
    reason: str | None
    detail: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptShape:
        return cls.model_validate(attempt)


class DeliveryDetailShape(DeliveryShape):
    """A delivery with its attempts, oldest first."""

    tried: list[AttemptShape]

    @classmethod
    def with_attempts(
        cls, delivery: Delivery, alert: Alert | None, attempts: Iterable[Attempt]
    ) -> DeliveryDetailShape:
        shape = DeliveryShape.of(delivery, alert)
        return cls(**shape.model_dump(), tried=[AttemptShape.of(each) for each in attempts])


# --- counts, and the audit log


class CompanyCountsShape(Shape):
    """Findings of one company. A merged finding counts as the one that it was merged into."""

    company: str
    by_state: dict[TriageState, int]
    by_severity: dict[Severity, int]


class StatisticsShape(Shape):
    """Counts of the findings that the asker may see, at most ten seconds old. A merged one is not counted."""

    findings: int
    open: int
    by_state: dict[TriageState, int]
    by_severity: dict[Severity, int]
    by_company: list[CompanyCountsShape]
    first_opened_at: datetime | None
    last_updated_at: datetime | None


class AuditShape(Shape):
    """An entry of the audit log."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    company: str | None
    detail: dict[str, Any]
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry, companies: Mapping[int, str]) -> AuditShape:
        return cls(
            id=entry.id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            company=companies.get(entry.company_id or 0),
            detail=entry.detail,
            hash=entry.hash,
        )


class ProblemShape(Shape):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    reason: str = Field(description="Slug; docs/reference/errors.md lists them.")
    detail: str | None = None
