"""The companies whose findings, listings and settings a person may see."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import InstrumentedAttribute

from storage.matches import MatchSummary


@dataclass(frozen=True, slots=True)
class Visibility:
    """`companies`: ids of companies; None: every company, and what belongs to none of them."""

    companies: frozenset[int] | None

    def includes(self, company_id: int | None) -> bool:
        return self.companies is None or company_id in self.companies

    def of(
        self, column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
    ) -> ColumnElement[bool]:
        """Return the condition that a column names a company that may be seen."""
        if self.companies is None:
            return true()
        return column.in_(sorted(self.companies)) if self.companies else false()


def sees_listing(view: Visibility, listing_id: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Return the condition that a listing may be seen: something of a visible company was found in it."""
    if view.companies is None:
        return true()
    named = select(MatchSummary.id).where(MatchSummary.listing_id == listing_id)
    return named.where(view.of(MatchSummary.company_id)).exists()


EVERYTHING = Visibility(None)
