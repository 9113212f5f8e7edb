"""Companies: whom we watch for, by which terms, and with which fingerprint segments.

Every change to what is watched raises the watch's revision and asks for a rematch of the archive, in the same
transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, and_, insert, select, update
from sqlalchemy.orm import Mapped, Session, contains_eager, joinedload, mapped_column, relationship

from storage.base import Base, insert_new, moved
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
    """A fingerprint file in the segments folder. The key that made it is never here."""

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("company_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    file: Mapped[str]
    key_id: Mapped[str]
    key_check: Mapped[str]
    fields: Mapped[list[str]]
    normaliser_version: Mapped[int]
    fingerprints: Mapped[int]
    customers: Mapped[int]
    sha256: Mapped[str]
    imported_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)

    company: Mapped[Company] = relationship(lazy="raise")


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
    normaliser_version: int
    fingerprints: int
    customers: int
    sha256: str


def sync_declared(session: Session, declared: Sequence[DeclaredCompany], now: datetime) -> SyncResult:
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
    row = asdict(record) | {"fields": list(record.fields), "imported_at": now}
    added = session.scalar(insert_new(session, Segment).values(row).returning(Segment.id))
    same = and_(Segment.company_id == record.company_id, Segment.sha256 == record.sha256)
    again = update(Segment).where(same, Segment.active.is_(False)).values(active=True, file=record.file)
    if added is not None or moved(session, again):
        raise_watch_revision(session)
        request_rematch(
            session,
            scope=MatchScope.FINGERPRINTS,
            company_id=record.company_id,
            reason="segment added",
            now=now,
        )
    return added if added is not None else session.scalars(select(Segment.id).where(same)).one()


def retire_segment(session: Session, segment_id: int) -> bool:
    """Not matched against from now on. False: it was not active."""
    retired = moved(
        session, update(Segment).where(Segment.id == segment_id, Segment.active).values(active=False)
    )
    if retired:
        raise_watch_revision(session)
    return retired


def by_slug(session: Session, slug: str) -> Company | None:
    """Also a removed one: its matches are still there."""
    return session.scalar(select(Company).where(Company.slug == slug))


def get(session: Session, company_id: int) -> Company | None:
    return session.get(Company, company_id)


def active(session: Session) -> Sequence[Company]:
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
    """Of active companies, each with its company."""
    query = select(Segment).join(Segment.company).where(Segment.active, Company.active)
    return session.scalars(query.options(contains_eager(Segment.company)).order_by(Segment.id)).all()


def segments(session: Session) -> Sequence[Segment]:
    """All, also the retired ones, each with its company."""
    return session.scalars(select(Segment).options(joinedload(Segment.company)).order_by(Segment.id)).all()
