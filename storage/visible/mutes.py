"""The mutes that a person may see, and what a mute would have silenced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, AlertRevision
from storage.companies import Company
from storage.deliveries import Delivery
from storage.mutes import Mute, case_of, covers, in_force
from storage.sources import Source
from storage.visible.visibility import Visibility

TRIED = 20_000  # revisions that a trial looks at, the newest ones


@dataclass(frozen=True, slots=True)
class MuteTrial:
    """What a mute would have silenced. `whole`: every message since then was looked at."""

    messages: int
    findings: int
    looked_at: int
    whole: bool


def mutes_in_force(session: Session, view: Visibility, *, now: datetime, limit: int = 200) -> Sequence[Mute]:
    """Return the mutes that have not ended, the one that ends first before the others."""
    query = select(Mute).where(view.of(Mute.company_id), in_force(now))
    return session.scalars(query.order_by(Mute.until, Mute.id).limit(limit)).all()


def ended_mutes(session: Session, view: Visibility, *, now: datetime, limit: int = 200) -> Sequence[Mute]:
    """Return the mutes that have ended, the newest first."""
    ended = or_(Mute.until <= now, Mute.ended_at.is_not(None))
    query = select(Mute).where(view.of(Mute.company_id), ended)
    return session.scalars(query.order_by(Mute.id.desc()).limit(limit)).all()


def mute_by_id(session: Session, view: Visibility, mute_id: int) -> Mute | None:
    return session.scalar(select(Mute).where(Mute.id == mute_id, view.of(Mute.company_id)))


def silenced_by(session: Session, view: Visibility, mute_ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """Return how many messages and findings each of these mutes has silenced."""
    query = select(AlertRevision.muted_by_id, func.count(), func.count(AlertRevision.alert_id.distinct()))
    query = query.join(Alert, Alert.id == AlertRevision.alert_id).where(
        AlertRevision.muted_by_id.in_(mute_ids), view.of(Alert.company_id)
    )
    found = session.execute(query.group_by(AlertRevision.muted_by_id))
    return {mute: (messages, findings) for mute, messages, findings in found if mute is not None}


def try_mute(session: Session, view: Visibility, mute: Mute, *, since: datetime) -> MuteTrial:
    """Return which of the messages since then a mute would have silenced, had it been in force."""
    sent = select(Delivery.id).where(
        Delivery.alert_id == AlertRevision.alert_id, Delivery.revision == AlertRevision.number
    )
    query = select(AlertRevision, Alert).join(Alert, Alert.id == AlertRevision.alert_id)
    query = query.where(
        view.of(Alert.company_id),
        Alert.company_id == mute.company_id,
        Alert.kind == AlertKind.FINDING,
        Alert.updated_at >= since,
        AlertRevision.at >= since,
        sent.exists(),
    )
    if mute.alert_id is not None:
        query = query.where(Alert.id == mute.alert_id)
    if mute.source_id is not None:
        query = query.where(Alert.source_id == mute.source_id)
    query = query.order_by(Alert.id.desc(), AlertRevision.number).limit(TRIED + 1)
    looked_at, silenced, findings = 0, 0, set[int]()
    for revision, alert in session.execute(query).yield_per(500):
        if looked_at == TRIED:
            return MuteTrial(silenced, len(findings), looked_at, whole=False)
        looked_at += 1
        case = case_of(
            revision.content,
            revision.severity,
            company_id=mute.company_id,
            source_id=alert.source_id,
            alert_id=alert.id,
        )
        if covers(mute, case):
            silenced += 1
            findings.add(alert.id)
    return MuteTrial(silenced, len(findings), looked_at, whole=True)


@dataclass(frozen=True, slots=True)
class NamedMute:
    """A mute with the names of what it is about."""

    mute: Mute
    company: str
    source: str | None
    finding: str | None  # reference


def named(session: Session, view: Visibility, mutes: Sequence[Mute]) -> Sequence[NamedMute]:
    """Return these mutes with names; those that may not be seen are left out."""
    query = select(Mute, Company.name, Source.name, Alert.reference)
    query = query.join(Company, Company.id == Mute.company_id)
    query = query.outerjoin(Source, Source.id == Mute.source_id)
    query = query.outerjoin(Alert, Alert.id == Mute.alert_id)
    query = query.where(Mute.id.in_([mute.id for mute in mutes]), view.of(Mute.company_id))
    found = {row[0].id: NamedMute(*row) for row in session.execute(query)}
    return [found[mute.id] for mute in mutes if mute.id in found]


def companies_to_mute(session: Session, view: Visibility) -> Mapping[str, int]:
    """Return the ids of the companies that may be seen, by slug."""
    query = select(Company.slug, Company.id).where(Company.removed_at.is_(None), view.of(Company.id))
    return {row.slug: row.id for row in session.execute(query.order_by(Company.slug))}
