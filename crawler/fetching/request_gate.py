"""The gate that every request of a visit passes first: the guard, the budget, and the site's request for a
pause.

It comes before robots.txt is requested. Each attempt for a page counts, because a budget limits the load on a
site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from crawler.errors import BudgetEnded, QuietHoursBegan
from crawler.fetching.visit import visit_of
from crawler.sources.quiet_hours import QuietHours

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class RequestGate:
    """Scrapy's downloader middleware; raises the error that keeps a request from being sent."""

    def __init__(self, crawler: Crawler) -> None:
        self._visit = visit_of(crawler)
        definition = self._visit.definition
        # A run that somebody began during quiet hours may go on until the next quiet hours.
        self._quiet_from = QuietHours(definition.politeness.quiet, timezone=definition.timezone).begins(
            self._visit.began
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        visit = self._visit
        visit.guard.check_request(request.method, request.url)
        await visit.pauses.wait(request.url, closing=visit.closing)
        if visit.closed is None and self._quiet_from is not None and visit.clock() >= self._quiet_from:
            visit.close(QuietHoursBegan("The run ended because the source's quiet hours began"))
        if visit.closed is None and (spent := self._spent_budget()):
            visit.close(BudgetEnded(f"The run ended because its budget was spent ({spent})"))
        if visit.closed is not None:
            # Every request gets the same error: without this its traceback would grow with each of them.
            raise visit.closed.with_traceback(None)
        visit.tally.pages += 1

    def _spent_budget(self) -> str | None:
        """Return the part of the budget that is spent, in words; None while none is."""
        visit, budget = self._visit, self._visit.definition.budget
        passed = (visit.clock() - visit.began).total_seconds()
        if visit.tally.pages >= budget.pages:
            return f"{budget.pages} pages"
        if visit.tally.bytes >= budget.bytes:
            return f"{budget.bytes} bytes"
        return f"{budget.seconds} seconds" if passed >= budget.seconds else None
