"""The state of a source for `spillwatch source health`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from crawler.errors import CookiesRefused, ScheduleRefused
from crawler.fetching.cookies import first_cookie_expiry, read_cookies
from crawler.progress.page_structure import PageStructure
from crawler.scheduling.source_slots import slots_of
from crawler.sources import read_stored
from storage import coverage, runs
from storage.sources import Source, SourceHealth

#: Health states that need no action.
WELL = frozenset({SourceHealth.OK, SourceHealth.UNKNOWN})


@dataclass(frozen=True, slots=True)
class SourceVitals:
    """The state of one source. Times are UTC; None if there is none yet."""

    name: str
    enabled: bool
    health: SourceHealth
    health_since: datetime | None
    last_run: datetime | None
    outcome: str | None
    reason: str | None
    detail: str | None
    last_success: datetime | None
    listings_seen: int | None
    listings_usual: float | None
    pages_unread: int | None
    selectors: int
    selectors_lost: list[str]
    newest_listing: datetime | None
    newest_posted: datetime | None
    cookies: str | None
    cookies_expire: datetime | None
    next_run: datetime | None

    @property
    def well(self) -> bool:
        return not self.enabled or self.health in WELL

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "well": self.well}


def vitals_of(session: Session, source: Source, *, now: datetime) -> SourceVitals:
    """Return a source's state from its rows and its cookies file."""
    last = coverage.last_finished_run(session, source.id)
    success = coverage.last_successful_run(session, source.id)
    usual = runs.usual_counts(session, source.id)
    fresh = coverage.newest_listing_times(session, now=now, source_id=source.id)[source.id]
    structure = PageStructure.of(source.cursor)
    cookies, expire = _cookie_state(source, now)
    return SourceVitals(
        name=source.name,
        enabled=source.enabled,
        health=source.health,
        health_since=source.health_since,
        last_run=last.finished_at if last else None,
        outcome=last.outcome if last else None,
        reason=last.reason if last else None,
        detail=last.detail if last else None,
        last_success=success.finished_at if success else None,
        listings_seen=success.listings_seen if success else None,
        listings_usual=usual.listings_seen if usual.runs else None,
        pages_unread=last.pages_unread if last else None,
        selectors=len(structure.selectors),
        selectors_lost=structure.lost,
        newest_listing=fresh.first_seen,
        newest_posted=fresh.posted,
        cookies=cookies,
        cookies_expire=expire,
        next_run=_next_run(source, now),
    )


def _cookie_state(source: Source, now: datetime) -> tuple[str | None, datetime | None]:
    """Return "ok", "expired" or the reason why cookies cannot be used, and when the first one expires."""
    try:
        file = read_stored(source.definition).cookies_file
        if file is None:
            return None, None
        cookies = read_cookies(file)
    except ValidationError:
        return None, None
    except CookiesRefused as refused:
        return refused.reason, None
    expired = any(cookie.has_expired(now) for cookie in cookies)
    return "expired" if expired else "ok", first_cookie_expiry(cookies)


def _next_run(source: Source, now: datetime) -> datetime | None:
    try:
        return slots_of(source).after(now) if source.enabled else None
    except ScheduleRefused:
        return None
