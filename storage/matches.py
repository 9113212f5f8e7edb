"""Matches: the mentions and hits of companies in versions of listings, and a summary per version and company.

Rows hold places, counts and masked excerpts of mentions, never the value of an identifier.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, insert, inspect, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.canary_matches import CanaryEvidence, CanaryRecord, replace_canaries
from storage.companies import Company
from storage.database.base import Base, state_moved
from storage.database.columns import dump_json
from storage.errors import ClaimLost, WatchChanged
from storage.listing_tables import ListingVersion, MatchState
from storage.sample_verdicts import SampleRecord, VerdictRecord, replace_sample, replace_verdicts
from storage.sources import PENDING, AlertState
from storage.watch import MatchScope, watch_revision


class MatchKind(StrEnum):
    MENTION = "mention"
    FINGERPRINT = "fingerprint"


KINDS = {
    MatchScope.TERMS: (MatchKind.MENTION,),
    MatchScope.FINGERPRINTS: (MatchKind.FINGERPRINT,),
    MatchScope.ALL: tuple(MatchKind),
}
TERM_COUNTS = ("mentions", "mention_fields", "terms")
CANARY_COUNTS = ("canaries", "masked_canaries", "canary_singles", "canary_sets")
FINGERPRINT_COUNTS = (
    *("hits", "single_hits", "coherent_rows", "customers", "candidates", "rows_scanned"),
    *CANARY_COUNTS,
    *("known_rows", "recycled_rows", "masked_verdict"),
)
#: Counts that summaries of earlier versions of the schema do not have.
LATER_COUNTS = (*CANARY_COUNTS, "known_rows", "recycled_rows", "masked_verdict")
#: Verdicts about masked rows that are no finding by themselves.
QUIET_VERDICTS = frozenset({None, "not_ours", "too_little", "no_masks", "not_compared"})
COUNTS = {
    MatchScope.TERMS: TERM_COUNTS,
    MatchScope.FINGERPRINTS: FINGERPRINT_COUNTS,
    MatchScope.ALL: TERM_COUNTS + FINGERPRINT_COUNTS,
}
OWN_SIGNALS = ("address", "lookalike")  # fields of mentions that are another signal than a mention
COVERAGE = ("candidates", "rows_scanned")  # how much was searched; a change of them is nothing new


class Match(Base):
    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("version_id", "identity"),
        Index(None, "listing_id"),
        Index(None, "company_id", "found_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    kind: Mapped[MatchKind]
    term_id: Mapped[int | None] = mapped_column(ForeignKey("terms.id"))
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segments.id"))
    field: Mapped[
        str
    ]  # title, body, sample, attachment, or one of OWN_SIGNALS; or email, phone, resident_id, card, iban
    place: Mapped[str]  # "body:3" is line 3, "attachment 7:1204"
    ordinal: Mapped[int | None]  # the customer's; only the company knows who it is
    excerpt: Mapped[str | None]  # masked; mentions only
    identity: Mapped[str]
    found_at: Mapped[datetime]


class MatchSummary(Base):
    """The counts of a company's matches in a version, which the alerts judge."""

    __tablename__ = "match_summaries"
    __table_args__ = (
        UniqueConstraint("version_id", "company_id"),
        Index("ix_match_summaries_pending", "id", sqlite_where=text(PENDING), postgresql_where=text(PENDING)),
        Index(None, "listing_id"),
        Index(None, "company_id", "listing_id", "version_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    mentions: Mapped[int]
    mention_fields: Mapped[dict[str, int]]
    terms: Mapped[list[str]]
    hits: Mapped[dict[str, int]]
    single_hits: Mapped[int]
    coherent_rows: Mapped[int]
    customers: Mapped[int]
    candidates: Mapped[int]
    rows_scanned: Mapped[int]
    canaries: Mapped[int] = mapped_column(default=0)  # that are certain
    masked_canaries: Mapped[int] = mapped_column(default=0)  # that masked rows are consistent with
    canary_singles: Mapped[int] = mapped_column(default=0)  # with one field that others may have
    canary_sets: Mapped[list[str]] = mapped_column(default=list)  # of the first two
    known_rows: Mapped[dict[str, int]] = mapped_column(default=dict)  # by known breach
    recycled_rows: Mapped[dict[str, int]] = mapped_column(default=dict)  # of them, that are customers', too
    masked_verdict: Mapped[str | None]
    found_at: Mapped[datetime]
    digest: Mapped[str]
    alert_state: Mapped[AlertState]


@dataclass(frozen=True, slots=True)
class MatchRecord:
    """A mention or a hit.

    `identity` is the same for the same match in the same version, at every matching.
    """

    kind: MatchKind
    field: str
    place: str
    identity: str
    term_id: int | None = None
    segment_id: int | None = None
    ordinal: int | None = None
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyResult:
    """What was found of one company. Counts may exceed `matches`, which is a limited number of examples."""

    company_id: int
    matches: Sequence[MatchRecord] = ()
    mentions: int = 0
    mention_fields: dict[str, int] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)
    hits: dict[str, int] = field(default_factory=dict)
    single_hits: int = 0
    coherent_rows: int = 0
    customers: int = 0
    candidates: int = 0
    rows_scanned: int = 0
    known_rows: dict[str, int] = field(default_factory=dict)
    recycled_rows: dict[str, int] = field(default_factory=dict)
    canary_records: Sequence[CanaryRecord] = ()
    verdict: VerdictRecord | None = None

    @property
    def canaries(self) -> int:
        return self._canaries(CanaryEvidence.CERTAIN)

    @property
    def masked_canaries(self) -> int:
        return self._canaries(CanaryEvidence.CONSISTENT)

    @property
    def canary_singles(self) -> int:
        return self._canaries(CanaryEvidence.SINGLE)

    @property
    def canary_sets(self) -> list[str]:
        """The sets of which a canary appeared, without those of which only a single field did."""
        shown = (one for one in self.canary_records if one.evidence is not CanaryEvidence.SINGLE)
        return sorted({one.label for one in shown})

    @property
    def masked_verdict(self) -> str | None:
        return None if self.verdict is None else self.verdict.verdict

    def _canaries(self, evidence: CanaryEvidence) -> int:
        return sum(one.evidence is evidence for one in self.canary_records)


def record_matches(
    session: Session,
    version_id: int,
    results: Sequence[CompanyResult],
    *,
    now: datetime,
    scope: MatchScope = MatchScope.ALL,
    company_ids: Collection[int] | None = None,
    watched: str | None = None,
    epoch: int | None = None,
    sample: SampleRecord | None = None,
) -> Sequence[int]:
    """Replace the matches of a version within the scope; return the ids of summaries that the alerts must
    judge.

    `company_ids` are the companies that were searched for; None: all. `watched` is the watch revision that
    was used for matching; if it is no longer the current one, WatchChanged is raised and nothing is written.
    `epoch` is that of the claim; if the version belongs to another one, ClaimLost is raised. With the scope
    ALL and all companies, the version becomes matched. `sample`: what was read of its masked rows; they are
    stored with every scope that has fingerprints.
    """
    locked = select(ListingVersion.listing_id, ListingVersion.match_epoch)
    locked = locked.where(ListingVersion.id == version_id).with_for_update(key_share=True)
    listing_id, current_epoch = session.execute(locked).one_or_none() or (None, None)
    if epoch is not None and epoch != current_epoch:
        raise ClaimLost
    # Check after the lock: another worker may have recorded this version with a newer watch in the meantime.
    if watched is not None and watched != watch_revision(session):
        raise WatchChanged
    if listing_id is None:
        return []
    recording = _Recording(session, version_id, listing_id, scope, company_ids, now)
    recording.replace_matches(results)
    if scope is not MatchScope.TERMS:
        recording.replace_fingerprint_rows(results, sample)
    summaries = recording.replace_summaries(results)
    if scope is MatchScope.ALL and company_ids is None:
        done = {"match_state": MatchState.MATCHED, "match_reason": None, "matched_at": now}
        done["match_node_id"] = None
        session.execute(update(ListingVersion).where(ListingVersion.id == version_id).values(done))
    return [summary.id for summary in summaries]


@dataclass(frozen=True, slots=True)
class _Recording:
    session: Session
    version_id: int
    listing_id: int
    scope: MatchScope
    company_ids: Collection[int] | None
    now: datetime

    def replace_matches(self, results: Sequence[CompanyResult]) -> None:
        stale = delete(Match).where(Match.version_id == self.version_id, Match.kind.in_(KINDS[self.scope]))
        if self.company_ids is not None:
            stale = stale.where(Match.company_id.in_(self.company_ids))
        self.session.execute(stale)
        place = {"version_id": self.version_id, "listing_id": self.listing_id, "found_at": self.now}
        rows = {
            match.identity: asdict(match) | place | {"company_id": result.company_id}
            for result in results
            for match in result.matches
        }
        if rows:
            self.session.execute(insert(Match), list(rows.values()))

    def replace_fingerprint_rows(self, results: Sequence[CompanyResult], sample: SampleRecord | None) -> None:
        """Store the canaries, and the answers about masked rows."""
        session, version_id, listing_id = self.session, self.version_id, self.listing_id
        companies, now = self.company_ids, self.now
        canaries = {result.company_id: result.canary_records for result in results}
        replace_canaries(session, version_id, listing_id, canaries, company_ids=companies, now=now)
        verdicts = {result.company_id: result.verdict for result in results if result.verdict is not None}
        replace_verdicts(session, version_id, listing_id, verdicts, company_ids=companies, now=now)
        replace_sample(session, version_id, listing_id, sample, now=now)

    def replace_summaries(self, results: Sequence[CompanyResult]) -> list[MatchSummary]:
        """Store the summaries; return those that the alerts must judge."""
        summaries = self._stored_summaries()
        found = {result.company_id: result for result in results}
        touched = []
        for company_id in sorted(summaries.keys() | found.keys()):
            summary = summaries.get(company_id) or self._blank_summary(company_id)
            result = found.get(company_id, CompanyResult(company_id))
            for name in COUNTS[self.scope]:
                setattr(summary, name, getattr(result, name))
            if _keep_or_delete(self.session, summary):
                touched.append(summary)
        self.session.flush()
        return touched

    def _stored_summaries(self) -> dict[int, MatchSummary]:
        query = select(MatchSummary).where(MatchSummary.version_id == self.version_id)
        if self.company_ids is not None:
            query = query.where(MatchSummary.company_id.in_(self.company_ids))
        return {summary.company_id: summary for summary in self.session.scalars(query)}

    def _blank_summary(self, company_id: int) -> MatchSummary:
        nothing = {name: getattr(CompanyResult(company_id), name) for name in COUNTS[MatchScope.ALL]}
        ids = {"version_id": self.version_id, "listing_id": self.listing_id, "company_id": company_id}
        return MatchSummary(**ids, **nothing, found_at=self.now, digest="", alert_state=AlertState.PENDING)


def _keep_or_delete(session: Session, summary: MatchSummary) -> bool:
    """Keep a summary with matches, delete one without; return whether the alerts must judge it."""
    if not _says_anything(summary):
        if inspect(summary).persistent:
            session.delete(summary)
        return False
    counted = {
        name: value
        for name in COUNTS[MatchScope.ALL]
        if name not in COVERAGE
        # Without these, the digest is the same as before there were such counts.
        and ((value := getattr(summary, name)) or name not in LATER_COUNTS)
    }
    digest = hashlib.sha256(dump_json(counted).encode()).hexdigest()
    session.add(summary)
    if digest == summary.digest:
        return False
    summary.digest, summary.alert_state = digest, AlertState.PENDING
    return True


def _says_anything(summary: MatchSummary) -> bool:
    """Return whether there is anything for the alerts to judge."""
    canaries = summary.canaries or summary.masked_canaries or summary.canary_singles
    found = summary.mentions or summary.hits or canaries or summary.known_rows
    return bool(found or summary.masked_verdict not in QUIET_VERDICTS)


def summaries_due_for_evaluation(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of summaries that the alerts have not judged, oldest first.

    Summaries of a company that is not watched stay pending until it is watched again.
    """
    query = select(MatchSummary.id).join(Company, Company.id == MatchSummary.company_id)
    query = query.where(text(PENDING), MatchSummary.found_at <= now, Company.active)
    return session.scalars(query.order_by(MatchSummary.id).limit(limit)).all()


def summary_by_id(session: Session, summary_id: int) -> MatchSummary | None:
    return session.get(MatchSummary, summary_id)


def summary_of(session: Session, version_id: int, company_id: int | None) -> MatchSummary | None:
    """Return the summary of a company's matches in a version; None: it has none."""
    query = select(MatchSummary).where(MatchSummary.version_id == version_id)
    return session.scalar(query.where(MatchSummary.company_id == company_id))


def mark_evaluated(session: Session, summary_id: int, digest: str) -> bool:
    """Record that the alerts have judged the summary with this digest.

    False: another worker has judged it, or it has changed since. Call it in the transaction that writes the
    alert.
    """
    judged = update(MatchSummary).where(
        MatchSummary.id == summary_id,
        MatchSummary.digest == digest,
        MatchSummary.alert_state == AlertState.PENDING,
    )
    return state_moved(session, judged.values(alert_state=AlertState.DONE))


def matches_of_version(
    session: Session,
    version_id: int,
    *,
    company_id: int | None = None,
    kind: MatchKind | None = None,
    limit: int,
) -> Sequence[Match]:
    """Return matches of a version in the order in which they were found."""
    query = select(Match).where(Match.version_id == version_id).order_by(Match.id).limit(limit)
    if company_id is not None:
        # An expression, so that SQLite reads the matches of the version and not all of the company's.
        query = query.where(Match.company_id + 0 == company_id)
    if kind is not None:
        query = query.where(Match.kind == kind)
    return session.scalars(query).all()


def named_terms(session: Session, version_id: int, company_id: int) -> Collection[int]:
    """Return the ids of the company's terms that the version names by themselves, not in another host's name
    or somebody's address.
    """
    # Only the version is a condition: given a company too, SQLite goes through all matches of the company.
    query = select(Match.company_id, Match.term_id).where(
        Match.version_id == version_id, Match.field.not_in(OWN_SIGNALS)
    )
    found = session.execute(query.distinct())
    return {term for company, term in found if company == company_id and term is not None}


def summaries_of_listing(session: Session, listing_id: int) -> Sequence[MatchSummary]:
    """Return the summaries of all versions of a listing, oldest first."""
    query = select(MatchSummary).where(MatchSummary.listing_id == listing_id)
    return session.scalars(query.order_by(MatchSummary.version_id, MatchSummary.company_id)).all()
