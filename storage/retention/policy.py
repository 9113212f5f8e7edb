"""The table of retention: per kind, which rows go, and why. Nothing else decides about age.

A rule's condition says everything that may go. So what a condition does not say stays: the current version of
each listing, what an alert cites, what a case holds, and what still waits to be matched, judged or sent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertChange, AlertRevision
from storage.canary_matches import CanaryMatch
from storage.captures import LEFT_FOR, Capture, CaptureOutcome, EvidenceGone
from storage.database.base import delete_rows
from storage.deliveries import Attempt, Delivery, DeliveryState
from storage.evidence.warc import RecordPlace
from storage.holds import held_alert_ids, held_listing_ids
from storage.listing_tables import Attachment, Listing, ListingVersion, MatchState
from storage.matches import Match, MatchSummary
from storage.runs import READ, Run, RunState
from storage.sample_verdicts import MaskedSample, SampleVerdict
from storage.settings import RetentionSettings
from storage.sources import AlertState, Source, SourceChange
from storage.watch import Rematch, RematchState

RUNS_KEPT = 50  # newest finished runs of a source, from which usual counts and durations are computed
ENDED = (DeliveryState.SENT, DeliveryState.FAILED)


AnyColumn = ColumnElement[Any] | InstrumentedAttribute[Any]


class RetentionKind(StrEnum):
    """What a setting `KIND_days` of [retention] is about."""

    CAPTURES = "captures"
    EVIDENCE = "evidence"
    VERSIONS = "versions"
    REVISIONS = "revisions"
    ATTEMPTS = "attempts"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """Before when rows of a kind are old: by default, and by source where that is different. None: never."""

    default: datetime | None
    by_source: Mapping[int, datetime | None] = field(default_factory=dict)
    holds: bool = True  # False: no case holds anything, so that nothing has to be asked

    def is_old(self, at: AnyColumn, source_id: AnyColumn | None = None) -> ColumnElement[bool]:
        if source_id is None or not self.by_source:
            return false() if self.default is None else at < self.default
        other = source_id.not_in(list(self.by_source))
        parts = [] if self.default is None else [and_(at < self.default, other)]
        parts += [
            and_(source_id == each, at < end) for each, end in self.by_source.items() if end is not None
        ]
        return or_(false(), *parts)

    def not_held(
        self, column: AnyColumn, held: Callable[[], CompoundSelect[int]]
    ) -> tuple[ColumnElement[bool], ...]:
        """Return the condition that a listing or an alert is not held."""
        return (column.not_in(held()),) if self.holds else ()

    @property
    def latest(self) -> datetime | None:
        """Before when a row may be old at all."""
        return max((each for each in (self.default, *self.by_source.values()) if each), default=None)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one step deleted: rows by table, and the records that no row points at any more.

    `responses` are records of responses from which no text with a row was read.
    """

    rows: Mapping[str, int]
    places: Sequence[RecordPlace] = ()
    responses: Sequence[RecordPlace] = ()


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One kind of rows of one table.

    `at` is the time by which a row gets old; a row whose `at` is new never goes. `goes` gives the conditions
    for the limits. `delete` deletes rows by their ids, with what belongs to them.
    """

    name: str
    kind: RetentionKind
    table: type[Any]
    at: InstrumentedAttribute[Any]
    why: str
    goes: Callable[[AgeLimits, datetime], Sequence[ColumnElement[bool]]]
    delete: Callable[[Session, Sequence[int]], Deleted]
    source_id: AnyColumn | None = None


def age_limits(
    settings: RetentionSettings, kind: RetentionKind, source_ids: Mapping[str, int], *, now: datetime
) -> AgeLimits:
    """Return the limits of a kind; a name of [retention.sources] that is no source is left out."""

    def end(days: int) -> datetime | None:
        return now - timedelta(days=days) if days else None

    own = {
        source_ids[name]: end(days)
        for name, each in settings.sources.items()
        if name in source_ids and (days := getattr(each, f"{kind.value}_days", None)) is not None
    }
    return AgeLimits(end(getattr(settings, f"{kind.value}_days")), own)


def source_ids_by_name(session: Session) -> dict[str, int]:
    """Return the ids of all sources, removed ones included, because their rows are kept."""
    return {row.name: row.id for row in session.execute(select(Source.name, Source.id))}


# --- conditions

_SOURCE_OF_VERSION = (
    select(Listing.source_id).where(Listing.id == ListingVersion.listing_id).scalar_subquery()
)


def _is_cited(version: type[ListingVersion] = ListingVersion) -> ColumnElement[bool]:
    """Condition for the versions that a message of an alert is about."""
    told = AlertRevision.content[("listing", "id")].as_integer() == version.listing_id
    number = AlertRevision.content[("listing", "version")].as_integer() == version.number
    by_message = exists(
        select(AlertRevision.id)
        .where(AlertRevision.alert_id == AlertListing.alert_id, told, number)
        .correlate(AlertListing, version)
    )
    return exists(
        select(AlertListing.alert_id).where(
            AlertListing.listing_id == version.listing_id,
            or_(AlertListing.version == version.number, by_message),
        )
    )


def _is_waiting() -> ColumnElement[bool]:
    """Condition for the versions that wait to be sealed, matched or judged."""
    unjudged = exists(
        select(MatchSummary.id).where(
            MatchSummary.version_id == ListingVersion.id, MatchSummary.alert_state == AlertState.PENDING
        )
    )
    return or_(ListingVersion.match_state.not_in((MatchState.MATCHED, MatchState.FAILED)), unjudged)


def _capture_goes(limits: AgeLimits, now: datetime) -> Sequence[ColumnElement[bool]]:
    shown = exists(
        select(Listing.id).where(
            Listing.id.in_(held_listing_ids()),
            # An expression, so that the held listings are read and not all of the source's.
            Listing.source_id + 0 == Capture.source_id,
            Listing.url == Capture.url,
        )
    )
    return (
        limits.is_old(Capture.fetched_at, Capture.source_id),
        or_(Capture.outcome != CaptureOutcome.PENDING, Capture.fetched_at < now - LEFT_FOR),
        ~exists(select(ListingVersion.id).where(ListingVersion.capture_id == Capture.id)),
        ~exists(select(Attachment.id).where(Attachment.capture_id == Capture.id)),
        *((~shown,) if limits.holds else ()),
    )


def _evidence_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        limits.is_old(ListingVersion.seen_at, _SOURCE_OF_VERSION),
        ListingVersion.evidence_offset.is_not(None),
        ~_is_waiting(),
        ~_is_cited(),
        *limits.not_held(ListingVersion.listing_id, held_listing_ids),
    )


def _version_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    newer = aliased(ListingVersion)
    current = select(Listing.version_number).where(Listing.id == ListingVersion.listing_id)
    replaced = exists(
        select(newer.id).where(
            newer.listing_id == ListingVersion.listing_id,
            newer.number > ListingVersion.number,
            limits.is_old(newer.seen_at, _SOURCE_OF_VERSION),
        )
    )
    return (
        limits.is_old(ListingVersion.seen_at, _SOURCE_OF_VERSION),
        replaced,
        ListingVersion.number != current.scalar_subquery(),
        ~_is_waiting(),
        ~_is_cited(),
        *limits.not_held(ListingVersion.listing_id, held_listing_ids),
    )


def _revision_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    last = select(Alert.revision).where(Alert.id == AlertRevision.alert_id).scalar_subquery()
    unsent = exists(
        select(Delivery.id).where(
            Delivery.alert_id == AlertRevision.alert_id,
            Delivery.revision == AlertRevision.number,
            Delivery.state.not_in(ENDED),
        )
    )
    return (
        limits.is_old(AlertRevision.at),
        AlertRevision.change == AlertChange.UPDATED,
        AlertRevision.number < last,
        ~unsent,
        *limits.not_held(AlertRevision.alert_id, held_alert_ids),
    )


def _attempt_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    ended = exists(
        select(Delivery.id).where(
            Delivery.id == Attempt.delivery_id,
            Delivery.state.in_(ENDED),
            Delivery.attempts > Attempt.number,
            *limits.not_held(Delivery.alert_id, held_alert_ids),
        )
    )
    return limits.is_old(Attempt.started_at), Attempt.outcome.is_not(None), ended


def _run_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    others = aliased(Run)
    newest = (
        select(others.finished_at)
        .where(others.source_id == Run.source_id, others.finished_at.is_not(None))
        .order_by(others.finished_at.desc())
        .offset(RUNS_KEPT - 1)
        .limit(1)
        .scalar_subquery()
    )
    last_read = (
        select(func.max(others.finished_at))
        .where(others.source_id == Run.source_id, others.outcome.in_(READ))
        .scalar_subquery()
    )
    return (
        limits.is_old(Run.finished_at, Run.source_id),
        Run.state == RunState.FINISHED,
        Run.finished_at < newest,
        or_(Run.outcome.not_in(READ), Run.finished_at < last_read),
        ~exists(select(Capture.id).where(Capture.run_id == Run.id)),
    )


def _change_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        limits.is_old(SourceChange.at, SourceChange.source_id),
        SourceChange.alert_state == AlertState.DONE,
    )


def _rematch_goes(limits: AgeLimits, _now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        limits.is_old(Rematch.finished_at),
        Rematch.state.in_((RematchState.FINISHED, RematchState.FAILED)),
        Rematch.id < select(func.max(Rematch.id)).scalar_subquery(),
    )


# --- deleting


def places_of(session: Session, table: type[Any], condition: ColumnElement[bool]) -> list[RecordPlace]:
    """Return the records to which these rows of captures, versions or attachments point."""
    columns = (table.evidence_file, table.evidence_offset, table.evidence_length)
    rows = session.execute(select(*columns).where(condition, table.evidence_offset.is_not(None)))
    return [RecordPlace(*row) for row in rows]


def clear_places(
    session: Session, table: type[Any], condition: ColumnElement[bool], gone: EvidenceGone
) -> list[RecordPlace]:
    """Let these rows point at no record any more; return the records."""
    places = places_of(session, table, condition)
    if places:
        values = {"evidence_file": None, "evidence_offset": None, "evidence_length": None}
        cleared = update(table).where(condition, table.evidence_offset.is_not(None))
        session.execute(
            cleared.values(**values, evidence_gone=gone).execution_options(synchronize_session=False)
        )
    return places


def _delete_captures(session: Session, ids: Sequence[int]) -> Deleted:
    places = places_of(session, Capture, Capture.id.in_(ids))
    rows = {"captures": delete_rows(session, Capture, Capture.id.in_(ids))}
    return Deleted(rows, responses=places)


def _delete_evidence(session: Session, ids: Sequence[int]) -> Deleted:
    """Give up the texts of versions, and the responses that no other version with evidence was read from."""
    gone = EvidenceGone.EXPIRED
    captures = {
        *session.scalars(select(ListingVersion.capture_id).where(ListingVersion.id.in_(ids))),
        *session.scalars(select(Attachment.capture_id).where(Attachment.version_id.in_(ids))),
    } - {None}
    texts = clear_places(session, ListingVersion, ListingVersion.id.in_(ids), gone)
    texts += clear_places(session, Attachment, Attachment.version_id.in_(ids), gone)
    in_use = [
        exists(select(table.id).where(table.capture_id == Capture.id, table.evidence_offset.is_not(None)))
        for table in (ListingVersion, Attachment)
    ]
    unused = and_(Capture.id.in_(captures), ~or_(*in_use))
    responses = clear_places(session, Capture, unused, gone)
    return Deleted({"texts": len(texts), "responses": len(responses)}, texts, responses)


def delete_versions(session: Session, ids: Sequence[int]) -> Deleted:
    """Delete versions with their matches and attachments. Their responses stay."""
    attached = Attachment.version_id.in_(ids)
    places = places_of(session, ListingVersion, ListingVersion.id.in_(ids))
    places += places_of(session, Attachment, attached)
    counts = {
        "matches": delete_rows(session, Match, Match.version_id.in_(ids)),
        "match_summaries": delete_rows(session, MatchSummary, MatchSummary.version_id.in_(ids)),
        "canary_matches": delete_rows(session, CanaryMatch, CanaryMatch.version_id.in_(ids)),
        "masked_samples": delete_rows(session, MaskedSample, MaskedSample.version_id.in_(ids)),
        "sample_verdicts": delete_rows(session, SampleVerdict, SampleVerdict.version_id.in_(ids)),
        "attachments": delete_rows(session, Attachment, attached),
        "listing_versions": delete_rows(session, ListingVersion, ListingVersion.id.in_(ids)),
    }
    return Deleted(counts, places)


def _delete_revisions(session: Session, ids: Sequence[int]) -> Deleted:
    numbers = select(AlertRevision.alert_id, AlertRevision.number).where(AlertRevision.id.in_(ids))
    keys = [(row.alert_id, row.number) for row in session.execute(numbers)]
    of_these = tuple_(Delivery.alert_id, Delivery.revision).in_(keys)
    deliveries = session.scalars(select(Delivery.id).where(of_these)).all()
    return Deleted(
        {
            "delivery_attempts": delete_rows(session, Attempt, Attempt.delivery_id.in_(deliveries)),
            "deliveries": delete_rows(session, Delivery, Delivery.id.in_(deliveries)),
            "alert_revisions": delete_rows(session, AlertRevision, AlertRevision.id.in_(ids)),
        }
    )


def _delete_runs(session: Session, ids: Sequence[int]) -> Deleted:
    session.execute(
        update(SourceChange)
        .where(SourceChange.run_id.in_(ids))
        .values(run_id=None)
        .execution_options(synchronize_session=False)
    )
    return Deleted({"runs": delete_rows(session, Run, Run.id.in_(ids))})


def _delete_rows(table: type[Any]) -> Callable[[Session, Sequence[int]], Deleted]:
    return lambda session, ids: Deleted({table.__tablename__: delete_rows(session, table, table.id.in_(ids))})


#: In the order in which they are carried out: what a row refers to goes after the row.
RULES: tuple[RetentionRule, ...] = (
    RetentionRule(
        "versions",
        RetentionKind.VERSIONS,
        ListingVersion,
        ListingVersion.seen_at,
        "replaced by a newer version, and no alert cites it",
        _version_goes,
        delete_versions,
        _SOURCE_OF_VERSION,
    ),
    RetentionRule(
        "evidence",
        RetentionKind.EVIDENCE,
        ListingVersion,
        ListingVersion.seen_at,
        "the published text of a version that no alert cites, and the response it was read from",
        _evidence_goes,
        _delete_evidence,
        _SOURCE_OF_VERSION,
    ),
    RetentionRule(
        "captures",
        RetentionKind.CAPTURES,
        Capture,
        Capture.fetched_at,
        "a response from which no stored version was read",
        _capture_goes,
        _delete_captures,
        Capture.source_id,
    ),
    RetentionRule(
        "revisions",
        RetentionKind.REVISIONS,
        AlertRevision,
        AlertRevision.at,
        "an update of an alert that a later message followed",
        _revision_goes,
        _delete_revisions,
    ),
    RetentionRule(
        "attempts",
        RetentionKind.ATTEMPTS,
        Attempt,
        Attempt.started_at,
        "an attempt before the last one of a delivery that has ended",
        _attempt_goes,
        _delete_rows(Attempt),
    ),
    RetentionRule(
        "source_changes",
        RetentionKind.RUNS,
        SourceChange,
        SourceChange.at,
        "a change of a source's health that was judged",
        _change_goes,
        _delete_rows(SourceChange),
        SourceChange.source_id,
    ),
    RetentionRule(
        "runs",
        RetentionKind.RUNS,
        Run,
        Run.finished_at,
        f"a finished run without responses, and not among the newest {RUNS_KEPT} of its source",
        _run_goes,
        _delete_runs,
        Run.source_id,
    ),
    RetentionRule(
        "rematches",
        RetentionKind.RUNS,
        Rematch,
        Rematch.finished_at,
        "a finished pass through the archive",
        _rematch_goes,
        _delete_rows(Rematch),
    ),
)
