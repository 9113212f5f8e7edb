"""The time zone and the order of a page's dates, from the page's own clock.

Forums end their pages with "All times are GMT +8. The time now is 02:34 PM." or "Current time: 11-22-2026,
02:34 PM". An offset that the page names is used as it is. A clock with a date is compared with the moment
when the page was fetched: the reading whose difference is a whole number of half hours is the page's way to
write dates. The source's file has precedence over both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from crawler.clean.date import MAX_DATE_CHARS, Clock, moment

#: Zones differ by half hours (the three at quarter hours must be named in the source's file).
STEP = timedelta(minutes=30)
#: Limit of a page's delay plus its clock's error.
TOLERANCE = timedelta(minutes=2)
WEST, EAST = timedelta(hours=-12), timedelta(hours=14)

_OFFSET = re.compile(r"\b(?:gmt|utc)(?: ?([+-]) ?(\d{1,2})(?::?(\d{2}))?(?!\d))?", re.IGNORECASE)
_ORDERS: tuple[Literal["dmy", "mdy"], ...] = ("dmy", "mdy")
_NUMBERED = re.compile(r"(?<![\d/.-])(\d{1,2})([-/.])(\d{1,2})\2(?:\d{4}|\d{2})(?!\d)")
MONTHS = 12


def clock_from_words(words: str, clock: Clock, *, instant: datetime | None = None) -> Clock:
    """Return `clock` with the page's zone and order where the source's file gives none.

    `instant`: the moment that the page's clock shows, if the page says so; else the page was just fetched.
    """
    words = words[:MAX_DATE_CHARS]
    if offset := _OFFSET.search(words):
        clock = replace(clock, zone=clock.zone or timezone(_named_offset(offset)))
    readings = [(order, _clock_difference(words, order, instant or clock.now)) for order in _ORDERS]
    found = [(order, offset) for order, offset in readings if offset is not None]
    if not found or len({offset for _, offset in found}) > 1:
        return clock
    # Both orders agree after the 12th, on the 3rd of March, and if the month has a name.
    order = found[0][0] if len(found) == 1 else date_order_of([words])
    return replace(clock, zone=clock.zone or timezone(found[0][1]), order=clock.order or order)


def date_order_of(dates: Iterable[str]) -> Literal["dmy", "mdy"] | None:
    """Return the order in dates of one page, from numbers above 12; None if they disagree or say nothing."""
    hits = (hit for words in dates for hit in _NUMBERED.finditer(words[:MAX_DATE_CHARS]))
    pairs = [(int(hit[1]), int(hit[3])) for hit in hits]
    shown = {_ORDERS[second > MONTHS] for first, second in pairs if (first > MONTHS) != (second > MONTHS)}
    return next(iter(shown)) if len(shown) == 1 else None


def _named_offset(offset: re.Match[str]) -> timedelta:
    sign, hours, minutes = offset.groups()
    length = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    length = -length if sign == "-" else length
    return length if WEST <= length <= EAST else timedelta()


def _clock_difference(words: str, order: Literal["dmy", "mdy"], instant: datetime) -> timedelta | None:
    """Return how far a clock read in this order is ahead of UTC; None if that is not a possible zone."""
    plain = _OFFSET.sub("", words)
    read = moment(plain, Clock(now=instant, zone=UTC, order=order))
    if read is None or not re.search(r"\d:\d\d", plain):
        return None
    ahead = read.at - instant
    steps = round(ahead / STEP)
    return steps * STEP if abs(ahead - steps * STEP) <= TOLERANCE and WEST <= steps * STEP <= EAST else None
