"""The pauses of a visit, per site: a host name, with its port if the URL names one.

From the first 429 on, nothing is sent to the site until the pause is over, not even what already waits for
its turn. Answers to requests that were sent before that 429 belong to the same burst. A site that asks for a
longer pause than a visit waits is left alone, and the visit's other sites are read on.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from crawler.errors import RateLimited
from crawler.sites import site_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy import Request

#: In a request's meta: when it was sent, by the event loop's clock.
SENT_AT = "spillwatch_sent_at"
#: The first pause for a site that answers 429 and does not say how long; doubled each time after.
DEFAULT_WAIT_S = 10.0
#: The same as a share of the longest allowed pause, if that is short.
FIRST_SHARE = 1 / 3


@dataclass(slots=True)
class _SitePause:
    """`open_at`, `struck_at`: by the event loop's clock; the latter is when a burst of 429 began."""

    open_at: float = 0.0
    struck_at: float = 0.0
    strikes: int = 0
    error: RateLimited | None = None
    until: datetime | None = None


@dataclass(slots=True)
class SitePauses:
    """The state of each site that has asked for a pause."""

    _sites: dict[str, _SitePause] = field(default_factory=dict)

    async def wait(self, url: str, *, closing: asyncio.Event) -> None:
        """Wait until the site of a URL may be asked, or the visit closes.

        Raises the error of a site that is left alone.
        """
        pause = self._sites.get(site_of(url))
        if pause is None:
            return
        while not closing.is_set() and pause.error is None:
            wait = pause.open_at - asyncio.get_running_loop().time()
            if wait <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), wait)
        if pause.error is not None and not closing.is_set():
            # Every request gets the same error: without this its traceback would grow with each of them.
            raise pause.error.with_traceback(None)

    def strike(self, request: Request, *, stated_s: float | None, longest_s: float) -> float:
        """Begin a pause, and return its seconds: as the site states, or longer each time it does not."""
        now, pause = asyncio.get_running_loop().time(), self._pause(request.url)
        if stated_s is None and request.meta.get(SENT_AT, now) < pause.struck_at:
            return max(0.0, pause.open_at - now)
        if stated_s is None:
            pause.strikes, pause.struck_at = pause.strikes + 1, now
            stated_s = min(DEFAULT_WAIT_S, FIRST_SHARE * longest_s) * 2.0 ** (pause.strikes - 1)
        pause.open_at = max(pause.open_at, now + stated_s)
        return stated_s

    def settle(self, request: Request) -> None:
        """Record that the site answered, unless the request was sent before the last 429 came."""
        pause = self._sites.get(site_of(request.url))
        if pause is not None and request.meta.get(SENT_AT, 0.0) >= pause.struck_at:
            pause.strikes = 0

    def strikes(self, url: str) -> int:
        """Return how often in a row the site asked for a pause and did not say how long."""
        return self._pause(url).strikes

    def leave_alone(self, site: str, error: RateLimited, until: datetime) -> RateLimited:
        """Send nothing more to a site; return the error that all its requests get."""
        pause = self._sites.setdefault(site, _SitePause())
        pause.error, pause.until = pause.error or error, pause.until or until
        return pause.error

    def is_left_alone(self, site: str) -> bool:
        return self.error_of(site) is not None

    def error_of(self, site: str) -> RateLimited | None:
        pause = self._sites.get(site)
        return pause.error if pause is not None else None

    def left_alone(self) -> Mapping[str, datetime]:
        """Return the sites that are left alone, and until when."""
        return {site: pause.until for site, pause in self._sites.items() if pause.until is not None}

    @property
    def first_error(self) -> RateLimited | None:
        """The error of the first site that is left alone."""
        return next((pause.error for pause in self._sites.values() if pause.error is not None), None)

    def caused(self, error: BaseException) -> bool:
        """Return whether a request was not sent because its site is left alone."""
        return any(error is pause.error for pause in self._sites.values())

    def _pause(self, url: str) -> _SitePause:
        return self._sites.setdefault(site_of(url), _SitePause())
