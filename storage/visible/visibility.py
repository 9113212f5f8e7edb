"""The companies whose findings, listings and settings a person may see."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute


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


EVERYTHING = Visibility(None)
