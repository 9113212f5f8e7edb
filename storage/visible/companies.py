"""The companies that a person may see, with what their terms, segments and canaries found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Integer, case, func, literal, or_, select, type_coerce
from sqlalchemy.orm import Session, selectinload

from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertKind, TriageState
from storage.canary_matches import CanaryEvidence, CanaryMatch
from storage.companies import CUSTOMERS, Company, Segment, Term
from storage.listing_tables import ListingVersion
from storage.matches import Match
from storage.visible.visibility import Visibility
from storage.watch import Rematch, RematchState

ROWS = 200
#: The newest matches of a company, from which it is counted what each term found.
COUNTED_MATCHES = 10_000
CANARY_SETS = 200
#: Open findings of a company that are counted at most in the table of companies.
COUNTED_FINDINGS = 1_000
CLOSED = (TriageState.RESOLVED, TriageState.FALSE_POSITIVE)
OPEN_REMATCHES = (RematchState.QUEUED, RematchState.RUNNING)


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company with the number of its active terms, of enrolled customers and of open findings, which are
    counted up to COUNTED_FINDINGS.
    """

    company: Company
    terms: int
    customers: int
    open_findings: int
    is_rematched: bool  # a rematch of it waits or goes on


@dataclass(frozen=True, slots=True)
class TermCounts:
    """What a term found among the newest matches: listings, findings with one of them, and how many of those
    people called a false positive.
    """

    listings: int = 0
    findings: int = 0
    false_positives: int = 0
    last_found: datetime | None = None

    @property
    def false_share(self) -> float | None:
        return self.false_positives / self.findings if self.findings else None


@dataclass(frozen=True, slots=True)
class CanarySetSightings:
    """A set of canaries that appeared, by how certain that is."""

    label: str
    issued: date
    expires: date | None
    evidence: CanaryEvidence
    listings: int
    last_found: datetime


@dataclass(frozen=True, slots=True)
class RematchProgress:
    """A rematch. `share`: of the versions that it has to read; None: it has not begun."""

    rematch: Rematch
    share: float | None

    @property
    def is_open(self) -> bool:
        return self.rematch.state in OPEN_REMATCHES


def company_slugs(session: Session, view: Visibility) -> Mapping[int, str]:
    """Return the slugs of companies by id, also of those that are not watched now."""
    rows = session.execute(select(Company.id, Company.slug).where(view.of(Company.id)))
    return {row[0]: row[1] for row in rows}


def company_named(session: Session, view: Visibility, slug: str, *, lock: bool = False) -> Company | None:
    """Return a company, watched or not; None: there is none of that name, or it may not be seen.

    `lock`: until the commit, for a change.
    """
    query = select(Company).where(Company.slug == slug, view.of(Company.id))
    return session.scalar(query.with_for_update() if lock else query)


def is_taken(session: Session, view: Visibility, *, slug: str, name: str) -> tuple[bool, bool]:
    """Return whether a company has or had this slug, and whether a watched one has this name."""
    by_slug = session.scalar(select(Company.id).where(Company.slug == slug))
    named = select(Company.id).where(func.lower(Company.name) == name.lower(), Company.active)
    by_name = session.scalar(named.where(Company.slug != slug).limit(1))
    return by_slug is not None, by_name is not None


def companies_with_counts(
    session: Session, view: Visibility, *, after: str = "", limit: int = ROWS
) -> Sequence[CompanyRow]:
    """Return companies by slug, from the one after `after` on."""
    query = select(Company).where(view.of(Company.id), Company.slug > after).order_by(Company.slug)
    found = session.scalars(query.limit(limit)).all()
    ids = [company.id for company in found]
    terms = select(Term.company_id, func.count()).where(Term.company_id.in_(ids), Term.active)
    customers = select(Segment.company_id, func.sum(Segment.customers)).where(
        Segment.company_id.in_(ids), Segment.active, Segment.purpose == CUSTOMERS
    )
    open_ones = select(literal(1)).where(
        Alert.company_id == Company.id,
        Alert.kind == AlertKind.FINDING,
        Alert.state.not_in(CLOSED),
        Alert.merged_into_id.is_(None),
    )
    some = open_ones.limit(COUNTED_FINDINGS + 1).correlate(Company).subquery()
    findings = select(Company.id, select(func.count()).select_from(some).scalar_subquery())
    counted = [
        {row[0]: int(row[1] or 0) for row in session.execute(each)}
        for each in (
            terms.group_by(Term.company_id),
            customers.group_by(Segment.company_id),
            findings.where(Company.id.in_(ids)),
        )
    ]
    rematched = set(
        session.scalars(
            select(Rematch.company_id).where(
                Rematch.state.in_(OPEN_REMATCHES),
                or_(Rematch.company_id.in_(ids), Rematch.company_id.is_(None)),
            )
        )
    )
    return [
        CompanyRow(
            company,
            terms=counted[0].get(company.id, 0),
            customers=counted[1].get(company.id, 0),
            open_findings=counted[2].get(company.id, 0),
            is_rematched=company.id in rematched or None in rematched,
        )
        for company in found
    ]


def terms_of(
    session: Session, view: Visibility, company_id: int, *, words: str = "", after: int = 0, limit: int = ROWS
) -> Sequence[Term]:
    """Return terms of a company in the order in which they were added, watched or not; `words`: a part."""
    query = select(Term).where(Term.company_id == company_id, view.of(Term.company_id), Term.id > after)
    if words:
        query = query.where(func.lower(Term.text).contains(words.lower(), autoescape=True))
    return session.scalars(query.order_by(Term.id).limit(limit)).all()


def term_of(session: Session, view: Visibility, company_id: int, term_id: int) -> Term | None:
    query = select(Term).where(Term.id == term_id, Term.company_id == company_id)
    return session.scalar(query.where(view.of(Term.company_id)))


def term_counts(session: Session, view: Visibility, company_id: int) -> Mapping[int, TermCounts]:
    """Return what each term found, by its id, among the company's newest matches."""
    newest = select(Match.term_id, Match.listing_id, Match.found_at)
    newest = newest.where(Match.company_id == company_id, view.of(Match.company_id))
    some = newest.order_by(Match.found_at.desc()).limit(COUNTED_MATCHES).subquery()
    pairs = select(some.c.term_id, some.c.listing_id, func.max(some.c.found_at).label("found_at"))
    pairs_of = pairs.where(some.c.term_id.is_not(None)).group_by(some.c.term_id, some.c.listing_id).subquery()
    alert = select(Alert.id, Alert.state, AlertListing.listing_id)
    alert = alert.join(AlertListing, AlertListing.alert_id == Alert.id)
    alert_of = alert.where(Alert.company_id == company_id, Alert.kind == AlertKind.FINDING).subquery()
    is_false = case((alert_of.c.state == TriageState.FALSE_POSITIVE, alert_of.c.id))
    query = select(
        pairs_of.c.term_id,
        func.count(pairs_of.c.listing_id.distinct()),
        func.count(alert_of.c.id.distinct()),
        type_coerce(func.count(is_false.distinct()), Integer),
        func.max(pairs_of.c.found_at),
    ).join_from(pairs_of, alert_of, alert_of.c.listing_id == pairs_of.c.listing_id, isouter=True)
    rows = session.execute(query.group_by(pairs_of.c.term_id))
    return {row[0]: TermCounts(row[1], row[2], row[3], row[4]) for row in rows if row[0] is not None}


def segments_of(session: Session, view: Visibility, company_id: int) -> Sequence[Segment]:
    """Return the segments of a company with their deltas, those in use first."""
    query = select(Segment).where(Segment.company_id == company_id, view.of(Segment.company_id))
    query = query.options(selectinload(Segment.deltas)).order_by(Segment.active.desc(), Segment.id.desc())
    return session.scalars(query.limit(ROWS)).all()


def canary_sets_seen(session: Session, view: Visibility, company_id: int) -> Sequence[CanarySetSightings]:
    """Return the sets of canaries that appeared in listings, the last one first."""
    what = (CanaryMatch.label, CanaryMatch.issued, CanaryMatch.expires, CanaryMatch.evidence)
    last = func.max(CanaryMatch.found_at)
    query = select(*what, func.count(CanaryMatch.listing_id.distinct()), last)
    query = query.where(CanaryMatch.company_id == company_id, view.of(CanaryMatch.company_id))
    rows = session.execute(query.group_by(*what).order_by(last.desc()).limit(CANARY_SETS))
    return [CanarySetSightings(*row) for row in rows]


def rematches_of(
    session: Session, view: Visibility, company_id: int, *, limit: int = 5
) -> Sequence[RematchProgress]:
    """Return the newest rematches of a company, those of all companies included."""
    if not view.includes(company_id):
        return []
    query = select(Rematch).where(or_(Rematch.company_id == company_id, Rematch.company_id.is_(None)))
    found = session.scalars(query.order_by(Rematch.id.desc()).limit(limit)).all()
    newest = session.scalar(select(func.max(ListingVersion.id))) or 0
    return [RematchProgress(each, _share_of(each, newest)) for each in found]


def _share_of(rematch: Rematch, newest: int) -> float | None:
    if rematch.state is RematchState.FINISHED:
        return 1.0
    if rematch.started_at is None:
        return None
    until = rematch.until_version_id or newest
    return min(1.0, rematch.cursor_version_id / until) if until else 1.0


def count_terms(session: Session, view: Visibility, company_id: int) -> int:
    """Return the number of a company's terms, watched or not."""
    query = select(func.count()).where(Term.company_id == company_id, view.of(Term.company_id))
    return session.scalar(query) or 0
