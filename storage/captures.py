"""Captures: one stored response each, written before anything parses it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import ForeignKey, Index, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, new_ids
from storage.evidence.warc import RecordPlace
from storage.runs import Run, RunOutcome

#: Outcomes of runs that may have captured more than they parsed.
LEAVING_CAPTURES = (
    RunOutcome.INTERRUPTED,
    RunOutcome.CRASHED,
    RunOutcome.STORAGE_FAILED,
    RunOutcome.DEADLINE_EXCEEDED,
    RunOutcome.MEMORY_EXCEEDED,
)
#: How long ago, and in how many runs, captures are looked for that were left.
LEFT_FOR = timedelta(days=30)
MAX_LEFT_RUNS = 50
#: Number of times that a left capture is parsed, and the reason that counts them: left_1, left_2, ...
MAX_ATTEMPTS = 3
ATTEMPT = "left_"


class CaptureRole(StrEnum):
    LIST = "list"
    ITEM = "item"
    FEED = "feed"
    API = "api"
    REPLIES = "replies"
    RAW = "raw"
    ATTACHMENT = "attachment"
    ROBOTS = "robots"
    REDIRECT = "redirect"


class CaptureOutcome(StrEnum):
    PENDING = "pending"
    PARSED = "parsed"
    EMPTY = "empty"
    NOT_RECOGNISED = "not_recognised"
    FAILED = "failed"
    UNCHANGED = "unchanged"


class EvidenceGone(StrEnum):
    """Why the record that a row pointed at was deleted."""

    EXPIRED = "expired"
    ERASED = "erased"


class LocatedRecord:
    """A row that points at a record in the evidence store."""

    evidence_file: Mapped[str | None]
    evidence_offset: Mapped[int | None]
    evidence_length: Mapped[int | None]
    evidence_gone: Mapped[EvidenceGone | None]  # None: it is there, or there never was one

    @property
    def place(self) -> RecordPlace | None:
        if self.evidence_file is None or self.evidence_offset is None or self.evidence_length is None:
            return None
        return RecordPlace(self.evidence_file, self.evidence_offset, self.evidence_length)


def place_columns(place: RecordPlace | None) -> dict[str, str | int | None]:
    """Return the values of a place's three columns."""
    return {
        "evidence_file": place.file if place else None,
        "evidence_offset": place.offset if place else None,
        "evidence_length": place.length if place else None,
    }


class Capture(LocatedRecord, Base):
    __tablename__ = "captures"
    __table_args__ = (Index(None, "run_id"), Index(None, "source_id", "fetched_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    url: Mapped[str]  # masked
    role: Mapped[CaptureRole]
    fetched_at: Mapped[datetime]
    status: Mapped[int]
    content_type: Mapped[str | None]
    charset: Mapped[str | None]
    sha256: Mapped[str]  # of the body as received, hex
    size: Mapped[int]
    outcome: Mapped[CaptureOutcome] = mapped_column(default=CaptureOutcome.PENDING)
    reason: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class CaptureRecord:
    run_id: int
    source_id: int
    url: str
    role: CaptureRole
    fetched_at: datetime
    status: int
    sha256: str
    size: int
    place: RecordPlace | None
    content_type: str | None = None
    charset: str | None = None
    outcome: CaptureOutcome = CaptureOutcome.PENDING
    reason: str | None = None


def add_captures(session: Session, records: Sequence[CaptureRecord]) -> Sequence[int]:
    """Store captures; return their ids in the order of the records.

    Call `EvidenceWriter.sync` first: a row must never point at bytes that are not on disk.
    """
    if not records:
        return []
    rows: list[dict[str, object]] = [
        {
            "run_id": record.run_id,
            "source_id": record.source_id,
            "url": record.url,
            "role": record.role,
            "fetched_at": record.fetched_at,
            "status": record.status,
            "content_type": record.content_type,
            "charset": record.charset,
            "sha256": record.sha256,
            "size": record.size,
            "outcome": record.outcome,
            "reason": record.reason,
            **place_columns(record.place),
        }
        for record in records
    ]
    ids = new_ids(session, Capture, len(rows))
    for row, capture_id in zip(rows, ids, strict=True):
        row["id"] = capture_id
    session.connection().execute(insert(Capture), rows)
    return ids


def conclude_capture(
    session: Session,
    capture_id: int,
    *,
    outcome: CaptureOutcome,
    reason: str | None = None,
    charset: str | None = None,
) -> None:
    """Record the outcome of parsing; without a charset, the stored one stays."""
    values = {"outcome": outcome, "reason": reason} | ({"charset": charset} if charset else {})
    session.execute(update(Capture).where(Capture.id == capture_id).values(values))


@dataclass(frozen=True, slots=True)
class CaptureConclusion:
    """The outcome of parsing a capture."""

    capture_id: int
    outcome: CaptureOutcome
    reason: str | None = None
    charset: str | None = None


def conclude_captures(session: Session, conclusions: Sequence[CaptureConclusion]) -> None:
    """Record many outcomes of parsing, with one statement per different outcome."""
    alike: dict[CaptureConclusion, list[int]] = {}
    for each in conclusions:
        alike.setdefault(replace(each, capture_id=0), []).append(each.capture_id)
    for each, capture_ids in alike.items():
        values = {"outcome": each.outcome, "reason": each.reason}
        values |= {"charset": each.charset} if each.charset else {}
        session.execute(update(Capture).where(Capture.id.in_(capture_ids)).values(values))


def holds_evidence(session: Session) -> bool:
    """Return whether any row points into the evidence folder."""
    return session.scalar(select(Capture.id).where(Capture.evidence_file.is_not(None)).limit(1)) is not None


def take_left_captures(
    session: Session,
    source_id: int,
    *,
    now: datetime,
    limit: int,
    before_run: int,
    readable: Callable[[str], bool] = lambda file: True,
) -> Sequence[Capture]:
    """Return captures that earlier runs of a source left pending, oldest first, and count this attempt.

    `readable` says whether the evidence in a file can be read here; the others stay pending.

    Only runs that did not end by themselves leave any. A capture that was tried MAX_ATTEMPTS times is
    concluded as failed: parsing it probably ended the process.
    """
    ended = select(Run.id).where(
        Run.source_id == source_id,
        Run.finished_at > now - LEFT_FOR,
        Run.id < before_run,
        Run.outcome.in_(LEAVING_CAPTURES),
    )
    run_ids = session.scalars(ended.order_by(Run.finished_at.desc()).limit(MAX_LEFT_RUNS)).all()
    left = select(Capture).where(Capture.run_id.in_(run_ids), Capture.outcome == CaptureOutcome.PENDING)
    at_hand = cache(readable)
    found = [
        capture
        for capture in session.scalars(left.order_by(Capture.id).limit(limit))
        if capture.evidence_file is None or at_hand(capture.evidence_file)
    ]
    tried = [capture for capture in found if _attempts(capture) < MAX_ATTEMPTS]
    for capture in found:
        if _attempts(capture) < MAX_ATTEMPTS:
            capture.reason = f"{ATTEMPT}{_attempts(capture) + 1}"
        else:
            capture.outcome, capture.reason = CaptureOutcome.FAILED, "left_unparsed"
    session.flush()
    return tried


def _attempts(capture: Capture) -> int:
    number = (capture.reason or "").removeprefix(ATTEMPT)
    return int(number) if number.isdecimal() else 0


def capture_by_id(session: Session, capture_id: int) -> Capture | None:
    return session.get(Capture, capture_id)


def captures_of_run(session: Session, run_id: int) -> Sequence[Capture]:
    """Return the captures of a run in the order in which they were fetched."""
    return session.scalars(select(Capture).where(Capture.run_id == run_id).order_by(Capture.id)).all()
