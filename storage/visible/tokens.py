"""The service tokens that a person may see."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.service_tokens import ServiceToken
from storage.visible.visibility import Visibility


def tokens_seen(session: Session, view: Visibility) -> Sequence[ServiceToken]:
    """Return the tokens, those that were not ended first, the newest first."""
    order = (ServiceToken.ended_at.is_not(None), ServiceToken.id.desc())
    query = select(ServiceToken).where(view.of(ServiceToken.company_id)).order_by(*order)
    return session.scalars(query).all()


def token_seen(session: Session, view: Visibility, name: str) -> ServiceToken | None:
    """Return a token; None: there is none of that name, or it may not be seen."""
    query = select(ServiceToken).where(ServiceToken.name == name, view.of(ServiceToken.company_id))
    return session.scalar(query)
