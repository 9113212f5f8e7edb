"""Canaries that appeared in versions of listings: of which set, and how certain it is.

The register that says who a canary is stays with the company. Rows hold a set's name and days, an ordinal,
fields and a place, never a value.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base


class CanaryEvidence(StrEnum):
    """How certain it is that a row shows a canary."""

    CERTAIN = "certain"  # a value that only this canary has, or two fields of one row
    CONSISTENT = "consistent"  # what a mask leaves visible of one row; `chance` says how seldom by chance
    SINGLE = "single"  # a telephone number, or a name with birth date, alone: others may have it


class CanaryMatch(Base):
    __tablename__ = "canary_matches"
    __table_args__ = (Index(None, "version_id"), Index(None, "listing_id"), Index(None, "company_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id"))
    evidence: Mapped[CanaryEvidence]
    label: Mapped[str]  # of the set: `crm`, or `crm--partner`
    issued: Mapped[date]
    expires: Mapped[date | None]
    ordinal: Mapped[int | None]  # None: a masked row does not say which one
    fields: Mapped[list[str]]
    rows: Mapped[int]
    place: Mapped[str]  # of the first row: "sample:3"
    chance: Mapped[float | None]  # that chance alone shows such a row in this sample; masked ones only
    found_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class CanaryRecord:
    """A canary that was found in a version. Its fields are those of the row."""

    segment_id: int
    evidence: CanaryEvidence
    label: str
    issued: date
    expires: date | None
    ordinal: int | None
    fields: tuple[str, ...]
    rows: int
    place: str
    chance: float | None = None


def replace_canaries(
    session: Session,
    version_id: int,
    listing_id: int,
    found: Mapping[int, Sequence[CanaryRecord]],
    *,
    company_ids: Collection[int] | None,
    now: datetime,
) -> None:
    """Replace the canaries of a version by those that were found, by company; `company_ids` None: of all."""
    stale = delete(CanaryMatch).where(CanaryMatch.version_id == version_id)
    if company_ids is not None:
        stale = stale.where(CanaryMatch.company_id.in_(company_ids))
    session.execute(stale)
    place = {"version_id": version_id, "listing_id": listing_id, "found_at": now}
    rows = [
        {name: getattr(record, name) for name in CanaryRecord.__slots__}
        | {"fields": list(record.fields), "company_id": company_id}
        | place
        for company_id, records in found.items()
        for record in records
    ]
    if rows:
        session.execute(insert(CanaryMatch), rows)


def canaries_of_version(
    session: Session, version_id: int, company_id: int, *, limit: int
) -> Sequence[CanaryMatch]:
    """Return the canaries of a company in a version, the certain ones first."""
    # An expression, so that SQLite reads the rows of the version and not all of the company's.
    query = select(CanaryMatch).where(
        CanaryMatch.version_id == version_id, CanaryMatch.company_id + 0 == company_id
    )
    return session.scalars(query.order_by(CanaryMatch.evidence, CanaryMatch.id).limit(limit)).all()


def canaries_of_listing(session: Session, listing_id: int, *, limit: int) -> Sequence[CanaryMatch]:
    """Return the canaries in all versions of a listing, in the order in which they were found."""
    query = select(CanaryMatch).where(CanaryMatch.listing_id == listing_id)
    return session.scalars(query.order_by(CanaryMatch.id).limit(limit)).all()
