"""Companies, their watch terms and their fingerprint segments.

Every change to what is watched raises the watch revision in the same transaction. If it can lead to new
matches, it also requests a rematch of the archive.
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

from storage.database.base import Base, insert_new, new_ids, state_moved
from storage.database.columns import clean
from storage.sources import SyncResult
from storage.watch import MatchScope, raise_watch_revision, request_rematch
from storage.watch import watch_revision as watch_revision  # callers import it from here

#: Purpose of a segment whose people are customers; others are canaries, or people of known breaches.
CUSTOMERS = "customers"


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
    """A watch term. It is never deleted, because matches refer to it."""

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
    """A fingerprint file in the segments folder, with its deltas. The key that made it is never stored here.

    `series` and `state` are None for a file from before there were series; it takes no deltas.
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
    sha256: Mapped[str]  # of the file's content
    purpose: Mapped[str] = mapped_column(default=CUSTOMERS)  # or canaries, known_breach
    series: Mapped[str | None]
    state: Mapped[str | None]  # names the set of customers after this file was imported
    sequence: Mapped[int] = mapped_column(default=0)  # number of that state within the series
    imported_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)

    company: Mapped[Company] = relationship(lazy="raise")
    deltas: Mapped[list["SegmentDelta"]] = relationship(lazy="raise", order_by="SegmentDelta.sequence")


class SegmentDelta(Base):
    """Customers who were added or erased after the segment's file was made; deleted when it is merged into
    it.
    """

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
    """A company from a file. `definition` is the rest of the file, without secrets."""

    slug: str
    name: str
    terms: Sequence[DeclaredTerm]
    definition: Mapping[str, Any]
    declared_in: str | None


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    company_id: int
    file: str  # name in the segments folder
    key_id: str
    key_check: str
    fields: tuple[str, ...]
    fingerprints: int
    customers: int
    sha256: str
    series: str | None = None
    state: str | None = None
    sequence: int = 0
    purpose: str = CUSTOMERS


@dataclass(frozen=True, slots=True)
class DeltaRecord:
    segment_id: int
    state: str
    sequence: int
    file: str  # name in the segments folder
    fields: tuple[str, ...]
    fingerprints: int
    customers: int
    erased: int
    sha256: str


def sync_declared_companies(
    session: Session, declared: Sequence[DeclaredCompany], now: datetime
) -> SyncResult:
    """Make the declared companies those of the files; companies that a person added stay as they are.

    Writes a Rematch row for each company whose terms were added or changed.
    """
    known = {company.slug: company for company in session.scalars(select(Company))}
    added = [item.slug for item in declared if item.slug not in known]
    changed = [item.slug for item in declared if _sync_company(session, known.get(item.slug), item, now)]
    removed = _remove_undeclared(known, {item.slug for item in declared}, now)
    if changed or removed:
        raise_watch_revision(session)
    return SyncResult(tuple(added), tuple(slug for slug in changed if slug not in added), tuple(removed))


def _sync_company(session: Session, known: Company | None, item: DeclaredCompany, now: datetime) -> bool:
    """Store a declared company; return whether anything about it is new or different.

    A file that only lies in another folder makes no difference: each node has its own.
    """
    values: dict[str, Any] = {
        "name": item.name,
        "definition": dict(item.definition),
        "active": True,
        "removed_at": None,
    }
    if known is None or not known.declared_in:
        values["declared_in"] = item.declared_in
    else:
        known.declared_in = item.declared_in
    company = known or Company(id=new_ids(session, Company, 1)[0], slug=item.slug, created_at=now)
    different = any(getattr(company, name) != value for name, value in values.items())
    if different:
        for name, value in values.items():
            setattr(company, name, value)
        company.updated_at = now
        session.add(company)
        session.flush()
    widened, narrowed = _sync_terms(session, company.id, item.terms, now)
    if widened or (different and item.terms):
        request_rematch(
            session, scope=MatchScope.TERMS, company_id=company.id, reason="terms changed", now=now
        )
    return different or widened or narrowed


def _sync_terms(
    session: Session, company_id: int, terms: Sequence[DeclaredTerm], now: datetime
) -> tuple[bool, bool]:
    """Store a company's terms; return whether some were added or changed, and whether some were withdrawn."""
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
    """Store a changed term; return whether it now finds other mentions.

    Owner and reason do not change that.
    """
    known.owner, known.reason = term.owner, term.reason
    before = (known.kind, known.exclude, known.active)
    known.kind, known.exclude, known.active = term.kind, list(term.exclude), True
    return before != (known.kind, known.exclude, known.active)


def add_company(session: Session, item: DeclaredCompany, now: datetime) -> Company | None:
    """Store a company that a person added. None: its slug is taken, or was.

    `declared_in` of the row is None: a sync of files leaves it as it is, unless a file of its name appears.
    """
    if company_by_slug(session, item.slug) is not None:
        return None
    company = Company(
        slug=item.slug,
        name=item.name,
        definition=dict(item.definition),
        declared_in=None,
        active=True,
        created_at=now,
        updated_at=now,
    )
    session.add(company)
    session.flush()
    put_terms(session, company, item.terms, now)
    raise_watch_revision(session)
    return company


def change_company(
    session: Session, company: Company, *, name: str, definition: Mapping[str, Any], now: datetime
) -> bool:
    """Change a locked company that a person added. False: it was so already."""
    if company.name == name and company.definition == dict(definition):
        return False
    searched_otherwise = company.definition != dict(definition)
    company.name, company.definition, company.updated_at = name, dict(definition), now
    session.flush()
    raise_watch_revision(session)
    if searched_otherwise:
        _terms_changed(session, company, now)
    return True


def set_company_active(session: Session, company: Company, *, active: bool, now: datetime) -> bool:
    """Watch a locked company that a person added again, or no longer. False: it was so already.

    Its terms and its segments are compared with what was stored in the meantime.
    """
    if company.active is active:
        return False
    company.active, company.updated_at, company.removed_at = active, now, None
    session.flush()
    raise_watch_revision(session)
    if active:
        _terms_changed(session, company, now)
        enrolled = select(Segment.id).where(Segment.company_id == company.id, Segment.active)
        if session.scalar(enrolled.limit(1)) is not None:
            _fingerprints_changed(session, company.id, "company watched again", now)
    return True


def put_terms(session: Session, company: Company, terms: Sequence[DeclaredTerm], now: datetime) -> bool:
    """Add terms to a locked company, or change those of the same text; a withdrawn one is watched again.

    Return whether other mentions are found now, for which a rematch is requested.
    """
    wanted = {clean(term.text): term for term in terms}
    known = {term.text: term for term in terms_named(session, company.id, wanted)}
    new = [_term_row(company.id, text, term, now) for text, term in wanted.items() if text not in known]
    if new:
        session.execute(insert(Term), new)
    changed = [_change_term(known[text], term) for text, term in wanted.items() if text in known]
    session.flush()
    if new or any(changed):
        company.updated_at = now
        raise_watch_revision(session)
        _terms_changed(session, company, now)
        return True
    return False


def withdraw_term(session: Session, company: Company, term: Term, now: datetime) -> bool:
    """Search for a term of a locked company no longer; its matches stay. False: it was so already."""
    if not term.active:
        return False
    term.active, company.updated_at = False, now
    session.flush()
    raise_watch_revision(session)
    return True


def _terms_changed(session: Session, company: Company, now: datetime) -> None:
    request_rematch(session, scope=MatchScope.TERMS, company_id=company.id, reason="terms changed", now=now)


def _remove_undeclared(known: Mapping[str, Company], declared: set[str], now: datetime) -> list[str]:
    """Deactivate the companies whose file is gone; return their slugs."""
    gone = [c for slug, c in known.items() if slug not in declared and c.declared_in and c.active]
    for company in gone:
        company.active = False
        company.removed_at = company.updated_at = now
    return [company.slug for company in gone]


def add_segment(session: Session, record: SegmentRecord, now: datetime) -> int:
    """Store a segment; return its id. The same file is stored once.

    A new segment, or a retired one that is active again, requests a rematch.
    """
    row = _segment_values(record) | {"imported_at": now}
    added = session.scalar(insert_new(session, Segment).values(row).returning(Segment.id))
    same = and_(Segment.company_id == record.company_id, Segment.sha256 == record.sha256)
    again = (
        update(Segment).where(same, Segment.active.is_(False)).values(active=True, **_segment_values(record))
    )
    if added is not None or state_moved(session, again):
        _fingerprints_changed(session, record.company_id, "segment added", now)
    return added if added is not None else session.scalars(select(Segment.id).where(same)).one()


def renew_segment(session: Session, segment_id: int, record: SegmentRecord, *, was: str) -> bool:
    """Replace a segment's file and the deltas up to its sequence by a merged file.

    False: the segment's file is no longer `was`. Earlier hits stay valid, because ordinals are the same in
    all files of a series.
    """
    still = and_(Segment.id == segment_id, Segment.file == was, Segment.active)
    renewed = state_moved(session, update(Segment).where(still).values(**_segment_values(record)))
    if renewed:
        _forget_deltas(session, segment_id, record.sequence)
        raise_watch_revision(session)
    return renewed


def add_delta(session: Session, record: DeltaRecord, now: datetime) -> int:
    """Store a delta; return its id. The caller checks that it may follow; a sequence number occurs only once.

    New customers request a rematch of the archive. Earlier hits of erased customers stay.
    """
    segment = session.get_one(Segment, record.segment_id)
    delta = SegmentDelta(**asdict(record) | {"fields": list(record.fields), "imported_at": now})
    session.add(delta)
    session.flush()
    if record.fingerprints:
        _fingerprints_changed(session, segment.company_id, "customers added", now)
    else:
        raise_watch_revision(session)
    return delta.id


def retire_segment(session: Session, segment_id: int) -> bool:
    """Stop matching with a segment and its deltas. False: it was not active."""
    retired = state_moved(
        session, update(Segment).where(Segment.id == segment_id, Segment.active).values(active=False)
    )
    if retired:
        _forget_deltas(session, segment_id)
        raise_watch_revision(session)
    return retired


def _segment_values(record: SegmentRecord) -> dict[str, Any]:
    return asdict(record) | {"fields": list(record.fields)}


def _fingerprints_changed(session: Session, company_id: int, reason: str, now: datetime) -> None:
    raise_watch_revision(session)
    request_rematch(session, scope=MatchScope.FINGERPRINTS, company_id=company_id, reason=reason, now=now)


def _forget_deltas(session: Session, segment_id: int, until: int | None = None) -> None:
    """Delete a segment's deltas up to the sequence `until`; None: all of them."""
    gone = delete(SegmentDelta).where(SegmentDelta.segment_id == segment_id)
    session.execute(gone if until is None else gone.where(SegmentDelta.sequence <= until))


def slugs_by_id(session: Session) -> dict[int, str]:
    """Return the slug of every company, inactive ones included."""
    return {row.id: row.slug for row in session.execute(select(Company.id, Company.slug))}


def company_by_slug(session: Session, slug: str) -> Company | None:
    """Return a company, also a removed one, because its matches are kept."""
    return session.scalar(select(Company).where(Company.slug == slug))


def company_by_id(session: Session, company_id: int) -> Company | None:
    return session.get(Company, company_id)


def active_companies(session: Session) -> Sequence[Company]:
    """Return the active companies, sorted by slug."""
    return session.scalars(select(Company).where(Company.active).order_by(Company.slug)).all()


def active_terms(session: Session) -> Sequence[Term]:
    """Return the active terms of active companies, each with its company."""
    query = select(Term).join(Term.company).where(Term.active, Company.active)
    return session.scalars(query.options(contains_eager(Term.company)).order_by(Term.id)).all()


def terms_named(session: Session, company_id: int, texts: Collection[str]) -> Sequence[Term]:
    """Return the terms of a company that have one of these texts, active or not."""
    return session.scalars(select(Term).where(Term.company_id == company_id, Term.text.in_(texts))).all()


def active_segments(session: Session) -> Sequence[Segment]:
    """Return the active segments of active companies, each with its company and its deltas in order."""
    query = select(Segment).join(Segment.company).where(Segment.active, Company.active)
    loaded = query.options(contains_eager(Segment.company), selectinload(Segment.deltas))
    return session.scalars(loaded.order_by(Segment.id)).all()


def all_segments(session: Session) -> Sequence[Segment]:
    """Return all segments, also retired ones, each with its company and its deltas in order."""
    query = select(Segment).options(joinedload(Segment.company), selectinload(Segment.deltas))
    return session.scalars(query.order_by(Segment.id)).all()


def segment_files(session: Session) -> set[str]:
    """Return the names of the files in use, also those of companies that are not watched at the moment."""
    bases = session.scalars(select(Segment.file).where(Segment.active)).all()
    return {*bases, *session.scalars(select(SegmentDelta.file)).all()}
