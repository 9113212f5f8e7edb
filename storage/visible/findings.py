"""The findings that a person may see."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, TriageState
from storage.companies import Company
from storage.sources import Source
from storage.triage import FindingLabel
from storage.users import User
from storage.visible.visibility import Visibility

CLOSED = (TriageState.RESOLVED, TriageState.FALSE_POSITIVE)


def open_findings(session: Session, view: Visibility, *, limit: int = 50) -> Sequence[Alert]:
    """Return findings that nobody has closed, newest first; merged ones are left out."""
    query = select(Alert).where(
        Alert.kind == AlertKind.FINDING,
        Alert.state.not_in(CLOSED),
        Alert.merged_into_id.is_(None),
        view.of(Alert.company_id),
    )
    return session.scalars(query.order_by(Alert.id.desc()).limit(limit)).all()


def finding_by_reference(session: Session, view: Visibility, reference: str) -> Alert | None:
    """Return a finding; None: there is none of that name, or it may not be seen."""
    query = select(Alert).where(
        Alert.reference == reference, Alert.kind == AlertKind.FINDING, view.of(Alert.company_id)
    )
    return session.scalar(query)


# --- findings as the API and the commands show them


@dataclass(frozen=True, slots=True)
class AlertNames:
    """The names of what some alerts refer to by number; `labels` by the alert's."""

    companies: Mapping[int, str]
    sources: Mapping[int, str]
    owners: Mapping[int, str]
    merged_into: Mapping[int, str]
    labels: Mapping[int, Sequence[str]]


def alert_names(session: Session, view: Visibility, alerts: Sequence[Alert]) -> AlertNames:
    """Return the names for alerts that may be seen, with one query per kind."""
    companies = {each.company_id for each in alerts if each.company_id is not None}
    sources = {each.source_id for each in alerts if each.source_id is not None}
    owners = {each.owner_id for each in alerts if each.owner_id is not None}
    merged = {each.merged_into_id for each in alerts if each.merged_into_id is not None}
    labels: defaultdict[int, list[str]] = defaultdict(list)
    of_alerts = select(FindingLabel.alert_id, FindingLabel.label)
    of_alerts = of_alerts.where(FindingLabel.alert_id.in_([each.id for each in alerts]))
    for alert_id, label in session.execute(of_alerts.order_by(FindingLabel.label)) if alerts else ():
        labels[alert_id].append(label)
    seen = select(Alert.id, Alert.reference).where(Alert.id.in_(merged), view.of(Alert.company_id))
    return AlertNames(
        _pairs(session, select(Company.id, Company.slug).where(Company.id.in_(companies)), companies),
        _pairs(session, select(Source.id, Source.name).where(Source.id.in_(sources)), sources),
        _pairs(session, select(User.id, User.name).where(User.id.in_(owners)), owners),
        _pairs(session, seen, merged),
        labels,
    )


def _pairs(session: Session, query: Select[int, str], ids: Collection[int]) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(query)} if ids else {}
