"""The gate that every request of a run passes first: the guard, the budget, and a site's wish to be left
alone.

It stands before robots.txt is asked for, and each try of a page counts: a budget is what a site is troubled
with.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from crawler.context import run_of
from crawler.errors import BudgetEnded, QuietHoursBegan
from crawler.sources.quiet_hours import QuietHours

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class Gate:
    """Scrapy's downloader middleware; raises what keeps a request from being sent."""

    def __init__(self, crawler: Crawler) -> None:
        self._run = run_of(crawler)
        self._open_at = 0.0
        definition = self._run.definition
        # A run that somebody began in them is let go on to the next ones.
        self._quiet_from = QuietHours(definition.politeness.quiet, timezone=definition.timezone).begins(
            self._run.began
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        run = self._run
        run.guard.check_request(request.method, request.url)
        if run.closed is None and (wait := self._open_at - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(run.closing.wait(), wait)
        if run.closed is None and self._quiet_from is not None and run.clock() >= self._quiet_from:
            run.close(QuietHoursBegan("The run ended with the beginning of the source's quiet hours"))
        if run.closed is None and (spent := self._spent()):
            run.close(BudgetEnded(f"The run ended with its budget ({spent})"))
        if run.closed is not None:
            # The same error for every request: without this its traceback would grow with each.
            raise run.closed.with_traceback(None)
        run.tally.pages += 1

    def hold(self, seconds: float) -> None:
        """Send nothing for a while: the site asked for it."""
        self._open_at = max(self._open_at, asyncio.get_running_loop().time() + seconds)

    def _spent(self) -> str | None:
        run, budget = self._run, self._run.definition.budget
        passed = (run.clock() - run.began).total_seconds()
        if run.tally.pages >= budget.pages:
            return f"{budget.pages} pages"
        if run.tally.bytes >= budget.bytes:
            return f"{budget.bytes} bytes"
        return f"{budget.seconds} seconds" if passed >= budget.seconds else None
