"""Companies: whom we watch for, by which terms, and with which fingerprint segments.

Every change to what is watched raises the watch's revision and asks for a rematch of the archive, in the same
transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, and_, delete, insert, select, update
from sqlalchemy.orm import (
    Mapped,
    Session,
    contains_eager,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from storage.base import Base, insert_new, state_moved
from storage.columns import clean
from storage.sources import SyncResult
from storage.watch import MatchScope, raise_watch_revision, request_rematch
from storage.watch import watch_revision as watch_revision  # callers find it here


class TermKind(StrEnum):
    NAME = "name"
    ALIAS = "alias"
    DOMAIN = "domain"
    BRAND = "brand"


class Company(Base):
    __tablename__ = "companies"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    definition: Mapped[dict[str, Any]]
    declared_in: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Term(Base):
    """Never deleted: a match that it found still says why."""

    __tablename__ = "terms"
    __table_args__ = (UniqueConstraint("company_id", "text"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    text: Mapped[str]
    kind: Mapped[TermKind]
    owner: Mapped[str]
    reason: Mapped[str]
    exclude: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=True)
    added_at: Mapped[datetime]

    company: Mapped[Company] = relationship(lazy="raise")


class Segment(Base):
    """A fingerprint file in the segments folder, and what follows it. The key that made it is never here.

    `series` and `state` None: of the format before there were series; no delta can follow it.
    """

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("company_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    file: Mapped[str]
    key_id: Mapped[str]
    key_check: Mapped[str]
    fields: Mapped[list[str]]
    fingerprints: Mapped[int]
    customers: Mapped[int]  # the highest ordinal
    sha256: Mapped[str]  # of what the file holds
    series: Mapped[str | None]
    state: Mapped[str | None]  # of the customers, once this file is taken up
    sequence: Mapped[int] = mapped_column(default=0)  # of that state within the series
    imported_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)

    company: Mapped[Company] = relationship(lazy="raise")
    deltas: Mapped[list["SegmentDelta"]] = relationship(lazy="raise", order_by="SegmentDelta.sequence")


class SegmentDelta(Base):
    """Customers who were added or erased since the segment's file; gone once it is merged into that."""

    __tablename__ = "segment_deltas"
    __table_args__ = (UniqueConstraint("segment_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id"))
    state: Mapped[str]
    sequence: Mapped[int]
    file: Mapped[str]
    fields: Mapped[list[str]]
    fingerprints: Mapped[int]
    customers: Mapped[int]
    erased: Mapped[int]
    sha256: Mapped[str]
    imported_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class DeclaredTerm:
    text: str
    kind: TermKind
    owner: str = ""
    reason: str = ""
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredCompany:
    """`definition`: what else the file says, without secrets."""

    slug: str
    name: str
    terms: Sequence[DeclaredTerm]
    definition: Mapping[str, Any]
    declared_in: str | None


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    company_id: int
    file: str  # its name within the segments folder
    key_id: str
    key_check: str
    fields: tuple[str, ...]
    fingerprints: int
    customers: int
    sha256: str
    series: str | None = None
    state: str | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class DeltaRecord:
    segment_id: int
    state: str
    sequence: int
    file: str  # its name within the segments folder
    fields: tuple[str, ...]
    fingerprints: int
    customers: int
    erased: int
    sha256: str


def sync_declared_companies(
    session: Session, declared: Sequence[DeclaredCompany], now: datetime
) -> SyncResult:
    """The files' companies are the declared ones afterwards; what a person added stays as it is.

    Writes a Rematch row for each company whose terms were added or changed.
    """
    known = {company.slug: company for company in session.scalars(select(Company))}
    added = [item.slug for item in declared if item.slug not in known]
    changed = [item.slug for item in declared if _sync(session, known.get(item.slug), item, now)]
    removed = _remove(known, {item.slug for item in declared}, now)
    if changed or removed:
        raise_watch_revision(session)
    return SyncResult(tuple(added), tuple(slug for slug in changed if slug not in added), tuple(removed))


def _sync(session: Session, known: Company | None, item: DeclaredCompany, now: datetime) -> bool:
    """Whether anything of this company is new or different."""
    values: dict[str, Any] = {
        "name": item.name,
        "definition": dict(item.definition),
        "declared_in": item.declared_in,
    }
    values |= {"active": True, "removed_at": None}
    company = known or Company(slug=item.slug, created_at=now)
    different = any(getattr(company, name) != value for name, value in values.items())
    if different:
        for name, value in values.items():
            setattr(company, name, value)
        company.updated_at = now
        session.add(company)
        session.flush()
    more, fewer = _sync_terms(session, company.id, item.terms, now)
    if more or (different and item.terms):
        request_rematch(
            session, scope=MatchScope.TERMS, company_id=company.id, reason="terms changed", now=now
        )
    return different or more or fewer


def _sync_terms(
    session: Session, company_id: int, terms: Sequence[DeclaredTerm], now: datetime
) -> tuple[bool, bool]:
    """Whether terms were added or changed; whether terms were withdrawn."""
    known = {term.text: term for term in session.scalars(select(Term).where(Term.company_id == company_id))}
    declared = {clean(term.text): term for term in terms}
    new = [_term_row(company_id, text, term, now) for text, term in declared.items() if text not in known]
    if new:
        session.execute(insert(Term), new)
    changed = [_change_term(known[text], term) for text, term in declared.items() if text in known]
    withdrawn = [term for text, term in known.items() if text not in declared and term.active]
    for term in withdrawn:
        term.active = False
    session.flush()
    return bool(new) or any(changed), bool(withdrawn)


def _term_row(company_id: int, text: str, term: DeclaredTerm, now: datetime) -> dict[str, Any]:
    return {
        "company_id": company_id,
        "text": text,
        "kind": term.kind,
        "owner": term.owner,
        "reason": term.reason,
        "exclude": list(term.exclude),
        "added_at": now,
    }


def _change_term(known: Term, term: DeclaredTerm) -> bool:
    """Whether the term finds other things than before; owner and reason are only noted."""
    known.owner, known.reason = term.owner, term.reason
    before = (known.kind, known.exclude, known.active)
    known.kind, known.exclude, known.active = term.kind, list(term.exclude), True
    return before != (known.kind, known.exclude, known.active)


def _remove(known: Mapping[str, Company], declared: set[str], now: datetime) -> list[str]:
    gone = [c for slug, c in known.items() if slug not in declared and c.declared_in and c.active]
    for company in gone:
        company.active = False
        company.removed_at = company.updated_at = now
    return [company.slug for company in gone]


def add_segment(session: Session, record: SegmentRecord, now: datetime) -> int:
    """The segment's id. The same file is added once; new or taken up again, it asks for a rematch."""
    row = _row(record) | {"imported_at": now}
    added = session.scalar(insert_new(session, Segment).values(row).returning(Segment.id))
    same = and_(Segment.company_id == record.company_id, Segment.sha256 == record.sha256)
    again = update(Segment).where(same, Segment.active.is_(False)).values(active=True, **_row(record))
    if added is not None or state_moved(session, again):
        _changed(session, record.company_id, "segment added", now)
    return added if added is not None else session.scalars(select(Segment.id).where(same)).one()


def renew_segment(session: Session, segment_id: int, record: SegmentRecord, *, was: str) -> bool:
    """Another file stands for the segment and the deltas up to its sequence. False: it is not `was` any more.

    The customers found before stay its customers: ordinals are the same in all files of a series.
    """
    still = and_(Segment.id == segment_id, Segment.file == was, Segment.active)
    renewed = state_moved(session, update(Segment).where(still).values(**_row(record)))
    if renewed:
        _forget_deltas(session, segment_id, record.sequence)
        raise_watch_revision(session)
    return renewed


def add_delta(session: Session, record: DeltaRecord, now: datetime) -> int:
    """The delta's id. Whether it may follow is the caller's to check; two of one sequence cannot be there.

    New customers are looked for in the archive; what was found of erased ones stays.
    """
    segment = session.get_one(Segment, record.segment_id)
    delta = SegmentDelta(**asdict(record) | {"fields": list(record.fields), "imported_at": now})
    session.add(delta)
    session.flush()
    if record.fingerprints:
        _changed(session, segment.company_id, "customers added", now)
    else:
        raise_watch_revision(session)
    return delta.id


def retire_segment(session: Session, segment_id: int) -> bool:
    """Not matched against from now on, nor its deltas. False: it was not active."""
    retired = state_moved(
        session, update(Segment).where(Segment.id == segment_id, Segment.active).values(active=False)
    )
    if retired:
        _forget_deltas(session, segment_id)
        raise_watch_revision(session)
    return retired


def _row(record: SegmentRecord) -> dict[str, Any]:
    return asdict(record) | {"fields": list(record.fields)}


def _changed(session: Session, company_id: int, reason: str, now: datetime) -> None:
    raise_watch_revision(session)
    request_rematch(session, scope=MatchScope.FINGERPRINTS, company_id=company_id, reason=reason, now=now)


def _forget_deltas(session: Session, segment_id: int, until: int | None = None) -> None:
    """`until`: the last sequence that is forgotten, None for all."""
    gone = delete(SegmentDelta).where(SegmentDelta.segment_id == segment_id)
    session.execute(gone if until is None else gone.where(SegmentDelta.sequence <= until))


def company_by_slug(session: Session, slug: str) -> Company | None:
    """Also a removed one: its matches are still there."""
    return session.scalar(select(Company).where(Company.slug == slug))


def company_by_id(session: Session, company_id: int) -> Company | None:
    return session.get(Company, company_id)


def active_companies(session: Session) -> Sequence[Company]:
    """By slug."""
    return session.scalars(select(Company).where(Company.active).order_by(Company.slug)).all()


def active_terms(session: Session) -> Sequence[Term]:
    """Of active companies, each with its company."""
    query = select(Term).join(Term.company).where(Term.active, Company.active)
    return session.scalars(query.options(contains_eager(Term.company)).order_by(Term.id)).all()


def terms_named(session: Session, company_id: int, texts: Collection[str]) -> Sequence[Term]:
    """Those of a company's terms, active or not, that read like this."""
    return session.scalars(select(Term).where(Term.company_id == company_id, Term.text.in_(texts))).all()


def active_segments(session: Session) -> Sequence[Segment]:
    """Of active companies, each with its company and its deltas in order."""
    query = select(Segment).join(Segment.company).where(Segment.active, Company.active)
    loaded = query.options(contains_eager(Segment.company), selectinload(Segment.deltas))
    return session.scalars(loaded.order_by(Segment.id)).all()


def all_segments(session: Session) -> Sequence[Segment]:
    """All, also the retired ones, each with its company and its deltas in order."""
    query = select(Segment).options(joinedload(Segment.company), selectinload(Segment.deltas))
    return session.scalars(query.order_by(Segment.id)).all()


def segment_files(session: Session) -> set[str]:
    """The names of the files that count, also those of companies that are not watched at the moment."""
    bases = session.scalars(select(Segment.file).where(Segment.active)).all()
    return {*bases, *session.scalars(select(SegmentDelta.file)).all()}
