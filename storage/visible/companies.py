"""The companies that a person may see."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.companies import Company
from storage.visible.visibility import Visibility


def company_slugs(session: Session, view: Visibility) -> Mapping[int, str]:
    """Return the slugs of companies by id, also of those that are not watched now."""
    rows = session.execute(select(Company.id, Company.slug).where(view.of(Company.id)))
    return {row[0]: row[1] for row in rows}
