"""Mutes: what is not sent for a while, by whose decision, and why.

A mute keeps a finding's message from the channels, and nothing else: the finding and its revisions are
written and shown, with the mute that silenced them. Every mute has an end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alerts import Severity
from storage.database.base import Base, state_moved


class Mute(Base):
    """Conditions are joined by "and"; None: no condition."""

    __tablename__ = "mutes"
    __table_args__ = (Index(None, "until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))  # one finding
    seller: Mapped[str | None]  # as the listing names it
    term: Mapped[str | None]  # nothing but this watch term was found
    max_severity: Mapped[Severity]  # more severe ones are sent
    reason: Mapped[str]
    by: Mapped[str]
    created_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # ended by a person before `until`
    ended_by: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class MuteCase:
    """What a mute looks at: a revision of a finding. `only_term`: the one term found, if nothing else was."""

    company_id: int
    source_id: int | None
    alert_id: int | None  # None: its alert is about to be opened
    seller: str | None
    only_term: str | None
    severity: Severity


#: Verdicts of a masked sample that say nothing about customers.
NOBODYS = frozenset({None, "not_ours", "too_little", "no_masks", "not_compared"})


def case_of(
    content: Mapping[str, Any],
    severity: Severity,
    *,
    company_id: int,
    source_id: int | None,
    alert_id: int | None,
) -> MuteCase:
    """Return what a mute looks at in a revision, from the content that its row holds."""
    matches, sample = content.get("matches") or {}, content.get("sample") or {}
    terms: Sequence[str] = matches.get("terms") or ()
    of_customers = matches.get("hits") or content.get("canaries") or sample.get("verdict") not in NOBODYS
    return MuteCase(
        company_id=company_id,
        source_id=source_id,
        alert_id=alert_id,
        seller=(content.get("listing") or {}).get("seller"),
        only_term=None if of_customers or len(terms) != 1 else terms[0],
        severity=severity,
    )


def covers(mute: Mute, case: MuteCase) -> bool:
    """Return whether a mute silences a revision, whatever the time."""
    return (
        mute.company_id == case.company_id
        and mute.source_id in (None, case.source_id)
        and mute.alert_id in (None, case.alert_id)
        and mute.seller in (None, case.seller)
        and mute.term in (None, case.only_term)
        and case.severity.rank <= mute.max_severity.rank
    )


def mute_for(session: Session, case: MuteCase, *, now: datetime) -> Mute | None:
    """Return a mute that silences a revision now, the one that ends last."""
    query = select(Mute).where(Mute.company_id == case.company_id, in_force(now))
    found = session.scalars(query.order_by(Mute.until.desc(), Mute.id)).all()
    return next((mute for mute in found if covers(mute, case)), None)


def in_force(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a mute has not ended."""
    return and_(Mute.until > now, Mute.ended_at.is_(None))


def end_mute(session: Session, mute_id: int, *, by: str, now: datetime) -> bool:
    """End a mute now. False: it has ended already."""
    ending = update(Mute).where(Mute.id == mute_id, Mute.ended_at.is_(None), Mute.until > now)
    return state_moved(session, ending.values(ended_at=now, ended_by=by))
