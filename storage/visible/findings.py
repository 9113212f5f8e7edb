"""The findings that a person may see."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, TriageState
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
