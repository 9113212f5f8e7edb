"""When something was posted: in UTC, and marked if it is uncertain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.clean import Clock, PostedTime, moment

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
SHANGHAI = Clock.of(NOW, timezone="Asia/Shanghai", order=None)
NOWHERE = Clock.of(NOW, timezone=None, order=None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:30:15.123Z", "2026-03-01 12:30:15"),
        ("2026-03-01T12:30:15+02:00", "2026-03-01 10:30:15"),
        ("2026-03-01 12:30:00 -0500", "2026-03-01 17:30"),
        ("Sun, 01 Mar 2026 12:30:00 +0000", "2026-03-01 12:30"),
        ("Sun, 01 Mar 2026 12:30:00 GMT", "2026-03-01 12:30"),
        ("05-Jan-2026 10:00 EST", "2026-01-05 15:00"),
        ("1772368200", "2026-03-01 12:30"),
        ("1772368200000", "2026-03-01 12:30"),
        ("3小时前", "2026-03-10 01:00"),
        ("半小时前", "2026-03-10 03:30"),
        ("2 hours ago", "2026-03-10 02:00"),
        ("an hour ago", "2026-03-10 03:00"),
        ("1 day, 2 hours ago", "2026-03-09 02:00"),
        ("5 минут назад", "2026-03-10 03:55"),
        ("vor 3 Stunden", "2026-03-10 01:00"),
        ("vor einer Minute", "2026-03-10 03:59"),
        ("il y a 2 heures", "2026-03-10 02:00"),
        ("hace 5 minutos", "2026-03-10 03:55"),
        ("há 2 horas", "2026-03-10 02:00"),
        ("3 ore fa", "2026-03-10 01:00"),
        ("2 godziny temu", "2026-03-10 02:00"),
        ("3 saat önce", "2026-03-10 01:00"),
        ("3 години тому", "2026-03-10 01:00"),
        ("just now", "2026-03-10 04:00"),
        ("刚刚", "2026-03-10 04:00"),
    ],
)
def test_a_date_that_needs_no_zone_is_certain_everywhere(text: str, expected: str) -> None:
    """An offset, an unambiguous zone name, an epoch, and minutes or hours ago mean one instant."""
    assert moment(text, NOWHERE) == PostedTime(at(expected))
    assert moment(text, SHANGHAI) == PostedTime(at(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01 00:00", "2026-02-28 16:00"),
        ("2026-03-01 12:30", "2026-03-01 04:30"),
        ("2026/3/1 12:30:05", "2026-03-01 04:30:05"),
        ("2026年3月1日 下午3:05", "2026-03-01 07:05"),
        ("2026年3月1日 凌晨12时05分", "2026-02-28 16:05"),
        ("13/03/2026 10:00", "2026-03-13 02:00"),
        ("01.03.2026 10:00", "2026-03-01 02:00"),
        ("3 Mar 2026 0:00", "2026-03-02 16:00"),
        ("March 3rd, 2026 at 11:59 p.m.", "2026-03-03 15:59"),
        ("12 января 2026 г. 12:30", "2026-01-12 04:30"),
        ("1 марта 2026 г. в 12:30", "2026-03-01 04:30"),
        ("Dim 22 Fév 2026, 16:03", "2026-02-22 08:03"),
        ("Mar 3 Mars 2026, 10:00", "2026-03-03 02:00"),
        ("1er août 2025 à 9h05", "2025-08-01 01:05"),
        ("3. März 2026 um 12:30 Uhr", "2026-03-03 04:30"),
        ("5. Dez. 2025, 12:30", "2025-12-05 04:30"),
        ("3 de enero de 2026 a las 8:15", "2026-01-03 00:15"),
        ("mar 3 feb 2026 12:30", "2026-02-03 04:30"),
        ("12 de out. de 2025 às 10:00", "2025-10-12 02:00"),
        ("3 ottobre 2025 alle 18:30", "2025-10-03 10:30"),
        ("15 października 2025, 08:00", "2025-10-15 00:00"),
        ("3 Ağustos 2025 14:22", "2025-08-03 06:22"),
        ("7 січня 2026 р., 12:00", "2026-01-07 04:00"),
        ("hier à 10:30", "2026-03-09 02:30"),
        ("gestern, 09:12", "2026-03-09 01:12"),
        ("wczoraj 22:10", "2026-03-09 14:10"),
        ("2026年3月1日 中午1点", "2026-03-01 05:00"),
        ("2026年3月1日 早上8点", "2026-03-01 00:00"),
        ("2026年3月1日 夜里1:30", "2026-02-28 17:30"),
        ("昨天 12:30", "2026-03-09 04:30"),
        ("前天 12:30", "2026-03-08 04:30"),
        ("发表于 昨天 12:30", "2026-03-09 04:30"),
        ("today at 11:59 a.m.", "2026-03-10 03:59"),
        ("Yesterday, 3:05 AM", "2026-03-08 19:05"),
        ("вчера в 12:30", "2026-03-09 04:30"),
        ("2026-3-1 12:30 CST", "2026-03-01 04:30"),
    ],
)
def test_a_local_date_is_certain_where_the_source_names_its_zone(text: str, expected: str) -> None:
    """The same words are read in UTC and marked uncertain if the source names no zone."""
    elsewhere = moment(text, NOWHERE)

    assert moment(text, SHANGHAI) in (
        PostedTime(at(expected)),
        PostedTime(at(expected), uncertain=at(expected) > NOW + timedelta(days=1)),
    )
    assert elsewhere is not None
    assert elsewhere.uncertain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("01/03/2026", "2026-02-28 16:00"),
        ("01/03/26 14:00", "2026-03-01 06:00"),
        ("Mar 3, 12:30", "2026-03-03 04:30"),
        ("Dec 3, 12:30", "2025-12-03 04:30"),
        ("3-1 12:30", "2026-03-01 04:30"),
        ("5 d ago", "2026-03-05 04:00"),
        ("2 months ago", "2026-01-09 04:00"),
        ("2027-03-01", "2027-02-28 16:00"),
    ],
)
def test_what_can_be_read_in_two_ways_is_marked(text: str, expected: str) -> None:
    """Day or month first, a missing year, days ago and the future are read and marked uncertain."""
    assert moment(text, SHANGHAI) == PostedTime(at(expected), uncertain=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-02-28 16:00"),
        ("2026年3月1日", "2026-02-28 16:00"),
        ("3 Mar 2026", "2026-03-02 16:00"),
        ("March 3rd, 2026", "2026-03-02 16:00"),
        ("13/02/2026", "2026-02-12 16:00"),
        ("发表于 昨天", "2026-03-08 16:00"),
        ("today", "2026-03-09 16:00"),
    ],
)
def test_a_day_without_a_time_is_its_midnight_and_uncertain(text: str, expected: str) -> None:
    """A day without a time has 24 hours, of which one moment is stored as uncertain."""
    assert moment(text, SHANGHAI) == PostedTime(at(expected), uncertain=True)


@pytest.mark.parametrize(("order", "expected"), [("dmy", "2026-03-01"), ("mdy", "2026-01-03")])
def test_the_source_says_which_comes_first(order: str, expected: str) -> None:
    """With `date_order`, 01/03/2026 is one certain day."""
    clock = Clock.of(NOW, timezone="UTC", order="mdy" if order == "mdy" else "dmy")

    assert moment("01/03/2026 12:30", clock) == PostedTime(at(f"{expected} 12:30"))


def test_the_hour_that_a_clock_change_makes_twice_is_marked() -> None:
    """02:30 on the last Sunday of October is two instants in Berlin."""
    clock = Clock.of(NOW, timezone="Europe/Berlin", order=None)

    assert moment("2025-10-26 02:30", clock) == PostedTime(at("2025-10-26 00:30"), uncertain=True)
    assert moment("2025-10-26 03:30", clock) == PostedTime(at("2025-10-26 02:30"))


@pytest.mark.parametrize(
    "text",
    ["", "never", "12:30", "31/02/2026", "2026-13-01", "2026-03-01 25:00", "1970-01-01", "v2.3.4", "Monday"],
)
def test_what_is_no_known_date_is_none(text: str) -> None:
    """Impossible days, bare times and words are not dates: never today, never the epoch."""
    assert moment(text, SHANGHAI) is None


@given(st.text(max_size=250) | st.text(alphabet="0123456789-/.: 年月日前小时aogTZ+pm", max_size=40))
def test_any_text_is_taken(text: str) -> None:
    """No text raises, and every result is aware and in UTC."""
    read = moment(text, SHANGHAI)

    assert read is None or read.at.utcoffset() == timedelta(0)


@given(st.datetimes(min_value=datetime(1995, 1, 1), max_value=datetime(2026, 3, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_what_was_written_is_read_back(when: datetime) -> None:
    """ISO 8601 and RFC 2822 are read back to the second."""
    when = when.replace(microsecond=0, tzinfo=UTC)

    assert moment(when.isoformat(), NOWHERE) == PostedTime(when)
    assert moment(when.strftime("%a, %d %b %Y %H:%M:%S +0000"), NOWHERE) == PostedTime(when)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11:59 p.m.", "2026-03-09 15:59"),
        ("11:59 a.m.", "2026-03-10 03:59"),
        ("晚上 11:59", "2026-03-09 15:59"),
        ("Monday at 3:45 PM", "2026-03-09 07:45"),
        ("Tuesday at 11:45 PM", "2026-03-03 15:45"),
        ("星期三 12:30", "2026-03-04 04:30"),
    ],
)
def test_a_time_without_its_day_is_the_last_one_and_uncertain(text: str, expected: str) -> None:
    """A time alone, or with a weekday, was before the page was fetched; the day is a guess and marked."""
    assert moment(text, SHANGHAI) == PostedTime(at(expected), uncertain=True)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2 Jan '24", "2024-01-02 00:00"),
        ("2 Jan ’24 10:15", "2024-01-02 10:15"),
        ("Jan 2 '24", "2024-01-02 00:00"),
        ("Jan 2, '24", "2024-01-02 00:00"),
        ("2 Jan 24", "2024-01-02 00:00"),
        ("2-Jan-24", "2024-01-02 00:00"),
        ("20260303", "2026-03-03 00:00"),
        ("20260303 10:15", "2026-03-03 10:15"),
        ("20261303", None),
        ("20260231", None),
        ("12345678", None),
        ("120260303", None),
        ("3 March 2026 8 a.m.", "2026-03-03 08:00"),
        ("3 March 2026, 8pm", "2026-03-03 20:00"),
        ("3 March 2026 at noon", "2026-03-03 12:00"),
        ("2026年3月3日上午8点", "2026-03-03 08:00"),
        ("2026年3月3日 下午8点整", "2026-03-03 20:00"),
        ("8 a.m. on 3 March 2026", "2026-03-03 08:00"),
        ("8:15 on 3 March 2026", "2026-03-03 08:15"),
        ("10:30, 03.03.2026", "2026-03-03 10:30"),
        ("8:15 pm Tuesday, 3 March 2026", "2026-03-03 20:15"),
        ("yesterday at 8 a.m.", "2026-03-09 08:00"),
        ("yesterday at noon", "2026-03-09 12:00"),
        ("8 a.m.", "2026-03-09 08:00"),
        ("noon", "2026-03-09 12:00"),
        ("上午8点", "2026-03-09 08:00"),
        ("3 March 8 a.m.", "2026-03-03 08:00"),
        ("2 Jan 8 a.m.", "2026-01-02 08:00"),
        ("03.03.2026 um 8 Uhr", "2026-03-03 08:00"),
        ("03.03.2026 8h30", "2026-03-03 08:30"),
        ("03.03.2026, 8 Uhr 15", "2026-03-03 08:15"),
        ("03.03.2026 в 8 часов", "2026-03-03 08:00"),
        ("03.03.2026 12 a.m.", "2026-03-03 00:00"),
        ("March 3, 2026 12 pm", "2026-03-03 12:00"),
        ("2026-03-03T10:15:30Z", "2026-03-03 10:15"),
        ("2 Jan 12:30", "2026-01-02 12:30"),
        ("2026-03-03 25 a.m.", None),
        ("12:30", None),
        ("8", None),
        ("8 Uhr", None),
        ("Sun, 01 Mar 2026 12:30", "2026-03-01 12:30"),
        ("3 March 2026", "2026-03-03 00:00"),
        ("8 posts on 3 March 2026", "2026-03-03 00:00"),
        ("at 10:15 UTC on 2026-03-03", "2026-03-03 10:15"),
        ("Noonan, 3 March 2026", "2026-03-03 00:00"),
        ("thread 20260303 views 120", "2026-03-03 00:00"),
        ("id 2026030312", None),
        ("12 Mar '99", "2099-03-12 00:00"),
        ("3 hours ago", "2026-03-10 01:00"),
        ("Jan 2 24", "2026-01-02 00:00"),
        ("8h ago", "2026-03-09 20:00"),
    ],
)
def test_short_years_compact_dates_and_hours_without_minutes(text: str, at: str | None) -> None:
    """Also a time before its date; a lone number, a long number and an impossible day give nothing."""
    read = moment(text, Clock(datetime(2026, 3, 10, 4, 0, tzinfo=UTC)))

    assert (read and f"{read.at:%Y-%m-%d %H:%M}") == at


@pytest.mark.parametrize("words", ["2026年3月1日 晚上12点", "2026年3月1日 半夜12:00"])
def test_midnight_that_ends_a_day_is_uncertain(words: str) -> None:
    """Twelve at night is no noon; some mean the midnight before."""
    assert moment(words, SHANGHAI) == PostedTime(at("2026-03-01 16:00"), uncertain=True)


@pytest.mark.parametrize(
    "words",
    ["hier klicken", "3 out of 5", "12 set of rows", "2 ago", "5 gen 2 servers", "Mayor 3", "2 min read"],
)
def test_words_of_other_languages_are_no_dates(words: str) -> None:
    """ "Out" is October in Portuguese, "set" September, "ago" August and "hier" yesterday."""
    assert moment(words, SHANGHAI) is None
