"""When something was posted, from the words of the page: in UTC, and marked if it is uncertain.

A date with its own offset or unambiguous zone name is certain. One without is read in the source's zone and
is certain, or in UTC and is uncertain if the source names no zone. Also uncertain: `01/03/2026` unless the
source names the order, a missing or two-digit year, a day without a time (its midnight), the hour that a
clock change repeats, "2 days ago" and longer, "Monday at 3:45 PM" and "11:59 p.m." (the last such moment
before the page was fetched), and a date in the future. A text in no known shape gives None, never today.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from crawler.clean.date_words import (
    DAYS_AGO,
    HALVES,
    MONTHS,
    MONTHS_BEFORE_A_YEAR,
    NUMERALS,
    UNITS,
    WEEKDAYS,
)

#: A date field's text is short; the rest is signature and noise.
MAX_DATE_CHARS = 200
EARLIEST_YEAR = 1990
#: A date counts as "in the future" beyond this difference of clocks.
CLOCK_SKEW = timedelta(days=1)

#: Minutes from UTC. Names of several zones (CST, IST, BST, AST) are omitted deliberately.
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "est": -300, "edt": -240, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "cet": 60, "cest": 120, "eet": 120, "eest": 180, "msk": 180, "hkt": 480,
    "jst": 540, "kst": 540,
}  # fmt: skip
_TWO_MEANINGS = "cst|ist|bst|ast"
_LENGTH = {
    "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1),
    "w": timedelta(days=7), "M": timedelta(days=30), "y": timedelta(days=365),
}  # fmt: skip
_COARSE = frozenset("dwMy")


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MONTH = (
    rf"(?:{_alternatives(MONTHS)}|"
    rf"(?:{_alternatives(MONTHS_BEFORE_A_YEAR)})(?=\.?,?(?:[ -]de)?[ -](?:19|20)\d\d))"
)
_NO_LETTER = "(?<![a-zа-я])"
#: A time of day, or an hour alone with a word that says so: `8 a.m.`, `上午8点`, `8 uhr`, `noon`.
_CLOCK_TIME = (
    rf"(?P<half>{_alternatives(HALVES)})? ?"
    r"(?:(?P<noon>noon\b)|(?P<hour>\d{1,2})(?:"
    r"(?:[:时点h]|(?<=\d) uhr )(?P<minute>\d{2})(?!\d)分?(?::?(?P<seconds>\d{2}(?:[.,]\d{1,9})?)秒?)?"
    r"|[时点](?:整|(?!\d))|(?= ?[ap]\.?m\b)|h(?![\w])| ?(?:uhr|часов|часа|час)\b(?! ?\d)))"
    r" ?(?P<ampm>[ap]\.?m\b\.?)?"
    r"(?: ?\(?(?P<zone>(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?(?!\d)"
    rf"|(?:{_alternatives(_ZONES)}|{_TWO_MEANINGS})\b))?"
)
_TIME = rf"(?:[ t,]{{0,3}}(?:at |@ |[вoо] |об |um |à |a las |às |alle |ore |godz\.? |saat )?{_CLOCK_TIME})?"
#: The same before a date: "8:15 on 3 March 2026".
_TIME_BEFORE = re.compile(
    rf"(?<![\w.:]){_CLOCK_TIME}\)?[ ,]{{0,3}}(?:(?:on|am|of) )?(?:(?P<weekday>[^\W\d]{{2,12}}),? )?(?:the )?$"
)
_APOSTROPHE = "['\u2018\u2019]"
#: "2 Jan 8 a.m." ends in an hour, not in a year.
_HOUR_ALONE = r"| ?[ap]\.?m\b| ?uhr\b|时|点| ?час"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|º)?(?!\d)"
_SHAPES = tuple(
    re.compile(shape + _TIME)
    for shape in (
        r"(?<!\d)(?P<year>\d{4})[-/.年] ?(?P<month>\d{1,2})[-/.月] ?(?P<day>\d{1,2})(?!\d)日?",
        r"(?<!\d)(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d)",
        rf"(?<!\d){_DAY}[ -](?:of |de |d'|d\u2019)?(?P<name>{_MONTH})\b\.?,?"
        rf"(?:[ -](?:del? )?{_APOSTROPHE}?(?P<year>\d{{4}}|\d{{2}}(?![\d:]{_HOUR_ALONE})))?"
        r"(?: [гр]\.| r\.)?",
        # "Mar 3 nov 2020" is a Tuesday in November.
        rf"{_NO_LETTER}(?P<name>{_MONTH})\b\.? {_DAY}(?![ -](?:{_MONTH})\b)"
        rf"(?:,? {_APOSTROPHE}?(?P<year>\d{{4}}|(?<={_APOSTROPHE})\d{{2}}(?!\d)))?",
        r"(?<!\d)(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})(?!\d)",
        r"(?<!\d)(?P<month>\d{1,2})(?:月|-(?=\d{1,2} \d{1,2}:))(?P<day>\d{1,2})(?!\d)日?",
        # "hier" is German for "here".
        rf"{_NO_LETTER}(?P<word>(?!hier\b(?!,? (?:à )?\d))(?:{_alternatives(DAYS_AGO)}))(?![a-zа-я])",
    )
)
# Only used if there is no date: "Sun, 01 Mar 2026 12:30" has its day.
_WEEKDAY = re.compile(rf"{_NO_LETTER}(?P<weekday>{_alternatives(WEEKDAYS)})(?![a-zа-я]){_TIME}")
_ONLY_A_TIME = re.compile(rf"\W*{_TIME}\W*")
_EPOCH = re.compile(r"(\d{10})(?:\d{3}|\.\d{1,9})?")
_AMOUNT = rf"(\d{{1,4}}|{_alternatives(NUMERALS)}) ?({_alternatives(UNITS)})"
_AMOUNTS = rf"{_AMOUNT}(?:(?:, | and | |,)?{_AMOUNT}){{0,3}}"
_AGO_SHAPE = re.compile(
    rf"(?<![\w.])(?P<parts>{_AMOUNTS}) ?(?:ago|前|назад|fa|temu|önce|тому|atrás)(?![a-zа-я])"
    rf"|{_NO_LETTER}(?:vor|il y a|hace|há) (?P<after>{_AMOUNTS})(?![a-zа-я])"
)
_AGO_PART = re.compile(_AMOUNT)
_NOW = re.compile(rf"{_NO_LETTER}(?:just now|moments ago|刚刚|刚才|только что)")


@dataclass(frozen=True, slots=True)
class Clock:
    """What a date is relative to: `now` is when the page was fetched; the source gives the rest."""

    now: datetime
    zone: tzinfo | None = None
    order: Literal["dmy", "mdy"] | None = None

    @classmethod
    def of(cls, now: datetime, *, timezone: str | None, order: Literal["dmy", "mdy"] | None) -> Clock:
        return cls(now=now, zone=ZoneInfo(timezone) if timezone else None, order=order)


@dataclass(frozen=True, slots=True)
class PostedTime:
    """An instant in UTC; `uncertain` if the words allow another one."""

    at: datetime
    uncertain: bool = False


def moment(text: str, clock: Clock) -> PostedTime | None:
    """Return when something was posted, according to `text`; None if it holds no date."""
    plain = " ".join(unicodedata.normalize("NFKC", text[:MAX_DATE_CHARS]).casefold().split())
    if epoch := _EPOCH.fullmatch(plain):
        return _plausible_time(datetime.fromtimestamp(int(epoch[1]), UTC), False, clock)
    if ago := _AGO_SHAPE.search(plain):
        return _relative_time(ago["parts"] or ago["after"], clock)
    if _NOW.search(plain):
        return PostedTime(clock.now.astimezone(UTC))
    # The leftmost date; of two that begin at the same place, the earlier shape in the table.
    hits = [hit for hit in (shape.search(plain) for shape in _SHAPES) if hit]
    if hits:
        hit = min(hits, key=lambda hit: hit.start())
        found = hit.groupdict()
        if not _has_time(found) and (before := _TIME_BEFORE.search(plain[: hit.start()])):
            found |= before.groupdict()
        return _absolute_time(found, clock)
    return _last_time(_WEEKDAY.search(plain) or _ONLY_A_TIME.fullmatch(plain), clock)


def _last_time(hit: re.Match[str] | None, clock: Clock) -> PostedTime | None:
    """Return the last moment before the page was fetched that a weekday or a time alone can mean."""
    found = hit.groupdict() if hit else {}
    weekday = found.get("weekday")
    # 12:30 alone may as well be the length of a film.
    if not (found.get("noon") or (found.get("hour") and (weekday or found["ampm"] or found["half"]))):
        return None
    zone, _ = _read_zone(found["zone"], clock.zone)
    now = clock.now.astimezone(zone)
    back = (now.weekday() - WEEKDAYS[weekday]) % 7 if weekday else 0
    try:
        local = datetime.combine(now.date() - timedelta(days=back), _read_time(found), zone)
    except ValueError:
        return None
    local -= timedelta(days=7 if weekday else 1) if local > now else timedelta()
    return PostedTime(local.astimezone(UTC), uncertain=True)


def _relative_time(parts: str, clock: Clock) -> PostedTime:
    amounts = [
        (float(NUMERALS[number]) if number in NUMERALS else float(number), UNITS[word])
        for number, word in _AGO_PART.findall(parts)
    ]
    length = sum((_LENGTH[unit] * number for number, unit in amounts), timedelta())
    return PostedTime(clock.now.astimezone(UTC) - length, uncertain=amounts[-1][1] in _COARSE)


def _has_time(found: Mapping[str, str | None]) -> bool:
    return found.get("hour") is not None or found.get("noon") is not None


def _absolute_time(found: dict[str, str | None], clock: Clock) -> PostedTime | None:
    zone, zone_known = _read_zone(found["zone"], clock.zone)
    try:
        day, day_known = _read_day(found, clock.now.astimezone(zone).date(), clock.order)
        local = datetime.combine(day, _read_time(found))
        late = _is_midnight_at_its_end(found)
        local += timedelta(days=1) if late else timedelta()
    except (OverflowError, ValueError):
        return None  # the 31st of February, the 13th month, 25 o'clock
    # A clock that is set back shows one hour twice.
    twice = local.replace(tzinfo=zone, fold=0).utcoffset() != local.replace(tzinfo=zone, fold=1).utcoffset()
    certain = day_known and zone_known and _has_time(found) and not twice and not late
    return _plausible_time(local.replace(tzinfo=zone).astimezone(UTC), not certain, clock)


def _plausible_time(at: datetime, uncertain: bool, clock: Clock) -> PostedTime | None:
    if at.year < EARLIEST_YEAR:
        return None
    return PostedTime(at, uncertain or at > clock.now + CLOCK_SKEW)


def _read_zone(name: str | None, own: tzinfo | None) -> tuple[tzinfo, bool]:
    """Return the time zone to read a date in, and whether it is known."""
    if name in _ZONES:
        return timezone(timedelta(minutes=_ZONES[name])), True
    offset = re.search(r"([+-])(\d{1,2}):?(\d{2})?$", name or "")
    if offset and int(offset[2]) <= 14:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)), True
    return own or UTC, own is not None


def _read_day(found: dict[str, str | None], today: date, order: str | None) -> tuple[date, bool]:
    """Return the day, and whether it is the only possible one; raises ValueError."""
    if word := found.get("word"):
        return today - timedelta(days=DAYS_AGO[word]), True
    certain = True
    if first := found.get("first"):
        day, month, certain = _read_order(int(first), int(found["second"] or 0), found["mark"], order)
    else:
        name = found.get("name")
        month = (MONTHS | MONTHS_BEFORE_A_YEAR)[name] if name else int(found["month"] or 0)
        day = int(found["day"] or 0)
    if year := int(found.get("year") or 0):
        return date(year if year > 99 else 2000 + year, month, day), certain and year > 99
    this_year = date(today.year, month, day)
    return this_year if this_year <= today + CLOCK_SKEW else date(today.year - 1, month, day), False


def _read_order(first: int, second: int, mark: str | None, order: str | None) -> tuple[int, int, bool]:
    """Return day, month, and whether that is certain; people who write dots put the day first."""
    if first > 12 or second > 12:
        return (first, second, True) if first > 12 else (second, first, True)
    if order == "mdy":
        return second, first, True
    return first, second, order == "dmy" or mark == "." or first == second


def _half_of_day(found: Mapping[str, str | None]) -> str:
    if (half := found.get("half")) is not None:
        return HALVES[half]
    return {"a": "am", "p": "pm"}.get((found.get("ampm") or "")[:1], "")


def _is_midnight_at_its_end(found: Mapping[str, str | None]) -> bool:
    """Return whether a day's midnight is named that most people mean to end the day: 晚上12点."""
    return _half_of_day(found) == "night" and found.get("hour") == "12"


def _read_time(found: dict[str, str | None]) -> time:
    """Return the time of day, or midnight if there is none; raises ValueError."""
    if found["noon"] is not None:
        return time(12)
    if found["hour"] is None:
        return time()
    hour, half = int(found["hour"]), _half_of_day(found)
    if hour == 12:
        hour = 0 if half in ("am", "night") else 12
    elif hour < 12 and (half == "pm" or (half == "noon" and hour < 10) or (half == "night" and hour > 5)):
        hour += 12
    seconds = float((found["seconds"] or "0").replace(",", "."))
    return time(hour, int(found["minute"] or 0), int(seconds))
