"""Quiet hours: spans of the day in which a site is left alone, such as "22:00-06:00 Europe/Berlin"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from crawler.sources.language import mistake

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: ([\w+/-]{1,64}))?")
_DAYS = (-1, 0, 1, 2)
#: Two spans may touch; that so many do means that nothing is left of the day.
_MAX_JOINED = 12
_ANY_DAY = datetime(2026, 1, 7, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Span:
    begin: time
    end: time
    zone: ZoneInfo

    def around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Its spans of the days about `moment`, in UTC; the clock on the wall counts."""
        today = moment.astimezone(self.zone).date()
        for offset in _DAYS:
            day = today + timedelta(days=offset)
            last = day if self.begin < self.end else day + timedelta(days=1)
            begin, end = (
                datetime.combine(date, clock, self.zone)
                for date, clock in ((day, self.begin), (last, self.end))
            )
            yield begin.astimezone(UTC), end.astimezone(UTC)


class QuietHours:
    """The quiet hours of one source; none of them may be given."""

    def __init__(self, spans: Sequence[str], *, timezone: str | None = None) -> None:
        """`timezone` is that of spans which name none; else they are UTC."""
        self._spans = [_parsed(text, timezone) for text in spans]

    def around(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """Beginning and end of the quiet hours that `moment` lies in, however many spans they are."""
        begin = end = moment
        for _ in range(_MAX_JOINED):
            there = [span for span in self._about(moment) if span[0] <= end and span[1] >= begin]
            wider = min([begin, *(span[0] for span in there)]), max([end, *(span[1] for span in there)])
            if wider == (begin, end):
                break
            begin, end = wider
        return (begin, end) if begin <= moment < end else None

    def begins(self, moment: datetime) -> datetime | None:
        """When the next quiet hours begin; None: there are none."""
        return min((begin for begin, _ in self._about(moment) if begin > moment), default=None)

    def _about(self, moment: datetime) -> list[tuple[datetime, datetime]]:
        return [span for each in self._spans for span in each.around(moment)]


def _parsed(text: str, timezone: str | None) -> _Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hours = [int(each) for each in found.groups()[:4]]
    return _Span(time(hours[0], hours[1]), time(hours[2], hours[3]), ZoneInfo(found[5] or timezone or "UTC"))


def _check(text: str) -> str:
    found = _SPAN.fullmatch(text)
    wanted = 'hours such as "22:00-06:00" or "22:00-06:00 Europe/Berlin", 00:00 to 23:59'
    if found is None or (found[5] and found[5] not in available_timezones()):
        raise mistake("quiet", wanted)
    try:
        span = _parsed(text, None)
    except ValueError:
        raise mistake("quiet", wanted) from None
    if span.begin == span.end:
        raise mistake("quiet", "hours that end at another minute than they begin at")
    return text


def _check_all(spans: tuple[str, ...]) -> tuple[str, ...]:
    found = QuietHours(spans).around(_ANY_DAY)
    if found is not None and found[1] - found[0] > timedelta(hours=23, minutes=30):
        raise mistake("quiet", "quiet hours that leave half an hour of the day")
    return spans


QuietSpan = Annotated[str, AfterValidator(_check)]
QuietDay = Annotated[tuple[QuietSpan, ...], AfterValidator(_check_all)]
