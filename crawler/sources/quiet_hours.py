"""Quiet hours: times of day at which a site is not visited, such as "22:00-06:00 Europe/Berlin"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from crawler.sources.expressions import mistake

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: ([\w+/-]{1,64}))?")
_DAY_OFFSETS = (-1, 0, 1, 2)
#: Spans can touch one another. If more than this many do, no time of the day is left.
_MAX_JOINED_SPANS = 12
_ANY_DAY = datetime(2026, 1, 7, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Span:
    begin: time
    end: time
    zone: ZoneInfo

    def spans_around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the beginning and end, in UTC, of this span on the days around `moment`.

        The times of the span are local wall-clock times.
        """
        today = moment.astimezone(self.zone).date()
        for offset in _DAY_OFFSETS:
            day = today + timedelta(days=offset)
            last = day if self.begin < self.end else day + timedelta(days=1)
            begin, end = (
                datetime.combine(date, clock, self.zone)
                for date, clock in ((day, self.begin), (last, self.end))
            )
            yield begin.astimezone(UTC), end.astimezone(UTC)


class QuietHours:
    """The quiet hours of one source. There may be none."""

    def __init__(self, spans: Sequence[str], *, timezone: str | None = None) -> None:
        """`timezone` applies to spans that name no time zone. Without it they are in UTC."""
        self._spans = [_parse_span(text, timezone) for text in spans]

    def around(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """Return the beginning and end of the quiet hours at `moment`. None: it is not in quiet hours.

        Spans that touch are joined.
        """
        if not self._spans:
            return None
        begin = end = moment
        for _ in range(_MAX_JOINED_SPANS):
            there = [span for span in self._spans_around(moment) if span[0] <= end and span[1] >= begin]
            wider = min([begin, *(span[0] for span in there)]), max([end, *(span[1] for span in there)])
            if wider == (begin, end):
                break
            begin, end = wider
        return (begin, end) if begin <= moment < end else None

    def begins(self, moment: datetime) -> datetime | None:
        """Return when the next quiet hours begin after `moment`. None: there are none."""
        return min((begin for begin, _ in self._spans_around(moment) if begin > moment), default=None)

    def _spans_around(self, moment: datetime) -> list[tuple[datetime, datetime]]:
        return [span for each in self._spans for span in each.spans_around(moment)]


def _parse_span(text: str, timezone: str | None) -> _Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hours = [int(each) for each in found.groups()[:4]]
    return _Span(time(hours[0], hours[1]), time(hours[2], hours[3]), ZoneInfo(found[5] or timezone or "UTC"))


def _check_span(text: str) -> str:
    found = _SPAN.fullmatch(text)
    wanted = 'hours such as "22:00-06:00" or "22:00-06:00 Europe/Berlin", 00:00 to 23:59'
    if found is None or (found[5] and found[5] not in available_timezones()):
        raise mistake("quiet", wanted)
    try:
        span = _parse_span(text, None)
    except ValueError:
        raise mistake("quiet", wanted) from None
    if span.begin == span.end:
        raise mistake("quiet", "a span whose end differs from its beginning")
    return text


def _check_day(spans: tuple[str, ...]) -> tuple[str, ...]:
    found = QuietHours(spans).around(_ANY_DAY)
    if found is not None and found[1] - found[0] > timedelta(hours=23, minutes=30):
        raise mistake("quiet", "quiet hours that leave at least half an hour per day")
    return spans


QuietSpan = Annotated[str, AfterValidator(_check_span)]
QuietDay = Annotated[tuple[QuietSpan, ...], AfterValidator(_check_day)]
