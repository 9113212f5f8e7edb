"""Masked samples: the rows of a version in which identifiers are masked, and what they say for each company.

A row of `masked_samples` says what was read of a version, also where nobody could be compared with it. A row
of `sample_verdicts` is the answer for one company. Neither holds a value.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base

#: Verdict of a company that was named in the version, and for which no masks are enrolled.
NO_MASKS = "no_masks"
#: Verdict of a company for which no time was left.
NOT_COMPARED = "not_compared"


class MaskedSample(Base):
    __tablename__ = "masked_samples"
    __table_args__ = (Index(None, "listing_id"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    rows: Mapped[int]  # with a masked value, that were read
    unread_rows: Mapped[int]  # with a mask of a form that is not known
    cut: Mapped[bool]  # there were more rows than are compared
    found_at: Mapped[datetime]


class SampleVerdict(Base):
    __tablename__ = "sample_verdicts"
    __table_args__ = (
        UniqueConstraint("version_id", "company_id"),
        Index(None, "listing_id"),
        Index(None, "company_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    verdict: Mapped[str] = mapped_column(String(32))
    rows: Mapped[int]
    distinct_rows: Mapped[int]
    usable_rows: Mapped[int]
    share_low: Mapped[float | None]
    share_middle: Mapped[float | None]
    share_high: Mapped[float | None]
    assumption: Mapped[str]  # the weakest one of the answer
    detail: Mapped[str]  # how the tests disagree; "": they agree
    more_rows: Mapped[int | None]  # that would settle it
    found_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What was read of a version's masked rows."""

    rows: int
    unread_rows: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """The answer for one company. Its fields are those of the row."""

    verdict: str
    rows: int
    distinct_rows: int = 0
    usable_rows: int = 0
    share_low: float | None = None
    share_middle: float | None = None
    share_high: float | None = None
    assumption: str = ""
    detail: str = ""
    more_rows: int | None = None


def replace_sample(
    session: Session, version_id: int, listing_id: int, sample: SampleRecord | None, *, now: datetime
) -> None:
    """Replace what is stored of a version's masked rows; None: it has none."""
    session.execute(delete(MaskedSample).where(MaskedSample.version_id == version_id))
    if sample is not None:
        place = {"version_id": version_id, "listing_id": listing_id, "found_at": now}
        values = {"rows": sample.rows, "unread_rows": sample.unread_rows, "cut": sample.cut}
        session.execute(insert(MaskedSample), [values | place])


def replace_verdicts(
    session: Session,
    version_id: int,
    listing_id: int,
    verdicts: Mapping[int, VerdictRecord],
    *,
    company_ids: Collection[int] | None,
    now: datetime,
) -> None:
    """Replace the answers for a version, by company; `company_ids` None: for all."""
    stale = delete(SampleVerdict).where(SampleVerdict.version_id == version_id)
    if company_ids is not None:
        stale = stale.where(SampleVerdict.company_id.in_(company_ids))
    session.execute(stale)
    place = {"version_id": version_id, "listing_id": listing_id, "found_at": now}
    rows = [
        {name: getattr(record, name) for name in VerdictRecord.__slots__} | {"company_id": company_id} | place
        for company_id, record in verdicts.items()
    ]
    if rows:
        session.execute(insert(SampleVerdict), rows)


def sample_of_version(session: Session, version_id: int) -> MaskedSample | None:
    """Return what was read of a version's masked rows; None: it has none."""
    return session.get(MaskedSample, version_id)


def verdict_of(session: Session, version_id: int, company_id: int) -> SampleVerdict | None:
    """Return the answer for a company; None: its masked rows were not compared, or it has none."""
    query = select(SampleVerdict).where(SampleVerdict.version_id == version_id)
    return session.scalar(query.where(SampleVerdict.company_id == company_id))


def samples_of_listing(session: Session, listing_id: int) -> Sequence[MaskedSample]:
    """Return what was read of the masked rows of all versions of a listing, oldest first."""
    query = select(MaskedSample).where(MaskedSample.listing_id == listing_id)
    return session.scalars(query.order_by(MaskedSample.version_id)).all()


def verdicts_of_listing(session: Session, listing_id: int) -> Sequence[SampleVerdict]:
    """Return the answers for all versions of a listing, oldest first."""
    query = select(SampleVerdict).where(SampleVerdict.listing_id == listing_id)
    return session.scalars(query.order_by(SampleVerdict.version_id, SampleVerdict.company_id)).all()
