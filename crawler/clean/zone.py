"""The zone and the order of a page's dates, by the page's own clock.

Forums end their pages with "All times are GMT +8. The time now is 02:34 PM." or "Current time: 11-22-2026,
02:34 PM". An offset that the page names is taken as it stands. A clock with a date is held against the moment
at which the page was fetched: the reading that makes a whole number of half hours of the difference is how
this page writes its dates. Neither comes before what the source's file says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from crawler.clean.date import MAX_DATE_CHARS, Clock, moment

#: Zones are whole half hours apart (the three at quarters have to be named in the source's file).
STEP = timedelta(minutes=30)
#: How late a page may come, and how wrong its clock may be.
TOLERANCE = timedelta(minutes=2)
WEST, EAST = timedelta(hours=-12), timedelta(hours=14)

_OFFSET = re.compile(r"\b(?:gmt|utc)(?: ?([+-]) ?(\d{1,2})(?::?(\d{2}))?(?!\d))?", re.IGNORECASE)
_ORDERS: tuple[Literal["dmy", "mdy"], ...] = ("dmy", "mdy")
_NUMBERED = re.compile(r"(?<![\d/.-])(\d{1,2})([-/.])(\d{1,2})\2(?:\d{4}|\d{2})(?!\d)")
MONTHS = 12


def told_by(words: str, clock: Clock, *, instant: datetime | None = None) -> Clock:
    """Return `clock` with what a page's own clock says and the source's file does not.

    `instant`: what the clock shows, where the page says so beside it; else when the page was fetched.
    """
    words = words[:MAX_DATE_CHARS]
    if offset := _OFFSET.search(words):
        clock = replace(clock, zone=clock.zone or timezone(_named(offset)))
    readings = [(order, _difference(words, order, instant or clock.now)) for order in _ORDERS]
    found = [(order, offset) for order, offset in readings if offset is not None]
    if not found or len({offset for _, offset in found}) > 1:
        return clock
    # Both orders agree after the 12th, on the 3rd of March, and where the month has a name.
    order = found[0][0] if len(found) == 1 else order_in([words])
    return replace(clock, zone=clock.zone or timezone(found[0][1]), order=clock.order or order)


def order_in(dates: Iterable[str]) -> Literal["dmy", "mdy"] | None:
    """Return which comes first in dates of one page: one of the two is no month. `None` if they disagree."""
    hits = (hit for words in dates for hit in _NUMBERED.finditer(words[:MAX_DATE_CHARS]))
    pairs = [(int(hit[1]), int(hit[3])) for hit in hits]
    shown = {_ORDERS[second > MONTHS] for first, second in pairs if (first > MONTHS) != (second > MONTHS)}
    return next(iter(shown)) if len(shown) == 1 else None


def _named(offset: re.Match[str]) -> timedelta:
    sign, hours, minutes = offset.groups()
    length = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    length = -length if sign == "-" else length
    return length if WEST <= length <= EAST else timedelta()


def _difference(words: str, order: Literal["dmy", "mdy"], instant: datetime) -> timedelta | None:
    """Return how far the clock is ahead of UTC if it is read in this order, or None for no possible zone."""
    plain = _OFFSET.sub("", words)
    read = moment(plain, Clock(now=instant, zone=UTC, order=order))
    if read is None or not re.search(r"\d:\d\d", plain):
        return None
    ahead = read.at - instant
    steps = round(ahead / STEP)
    return steps * STEP if abs(ahead - steps * STEP) <= TOLERANCE and WEST <= steps * STEP <= EAST else None
