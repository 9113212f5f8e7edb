"""What a page's own clock says about its dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.clean import Clock, moment
from crawler.clean.zone import clock_from_words, date_order_of

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
NOTHING = Clock.of(NOW, timezone=None, order=None)


def read(clock: Clock) -> tuple[float | None, str | None]:
    """Return the hours ahead of UTC, and the order of day and month."""
    offset = clock.zone.utcoffset(NOW) if clock.zone else None
    return (offset / timedelta(hours=1) if offset is not None else None), clock.order


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("All times are GMT +8. The time now is 12:00 PM.", (8, None)),
        ("All times are GMT -5. The time now is 11:00 PM.", (-5, None)),
        ("All times are UTC+05:30", (5.5, None)),
        ("All times are UTC", (0, None)),
        ("GMT+8, 2026-3-10 12:01 , Processed in 0.04 second(s)", (8, None)),
        ("Current time: 03-10-2026, 12:01 PM", (8, "mdy")),
        ("Current time: 10-03-2026, 12:01 PM", (8, "dmy")),
        ("Current time: 03-09-2026, 08:59 PM", (-7, "mdy")),
        ("March 10, 2026, 05:00:21 AM", (1, None)),
        ("Current time: 03-10-2026, 12:11 PM", (None, None)),
        ("Current time: 03-10-2027, 12:00 PM", (None, None)),
        ("The time now is 12:00 PM", (None, None)),
        ("2026-03-10", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_page_s_clock_tells_zone_and_order(words: str, expected: tuple[float | None, str | None]) -> None:
    """A named offset counts, or a clock that differs by half hours; a late clock or one without a date does
    not.
    """
    assert read(clock_from_words(words, NOTHING)) == expected


def test_the_source_s_file_comes_first() -> None:
    """A page does not change what the operator wrote."""
    clock = Clock.of(NOW, timezone="UTC", order="dmy")

    assert clock_from_words("Current time: 03-10-2026, 12:01 PM", clock) == clock


def test_the_day_that_is_its_month_leaves_the_order_open() -> None:
    """On the 3rd of March both orders read alike, so the zone is known and the order is not."""
    now = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
    clock = clock_from_words("Current time: 03-03-2026, 12:00 PM", Clock.of(now, timezone=None, order=None))

    assert read(clock) == (8, None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Current time: 11-22-2026, 06:43 PM", (0, "mdy")),
        ("Current time: 22-11-2026, 06:43 PM", (0, "dmy")),
        ("Current time: 22.11.26, 18:43", (0, "dmy")),
        ("2026-11-22 18:43", (0, None)),
        ("November 22, 2026, 06:43 PM", (0, None)),
    ],
)
def test_after_the_twelfth_the_day_is_no_month(words: str, expected: tuple[float | None, str | None]) -> None:
    """A clock that can only be read in one way gives the order for the other dates."""
    clock = Clock.of(datetime(2026, 11, 22, 18, 43, tzinfo=UTC), timezone=None, order=None)

    assert read(clock_from_words(words, clock)) == expected


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["03-01-2026, 12:30 PM", "03-21-2026, 10:02 AM"], "mdy"),
        (["03/01/2026", "21/03/2026"], "dmy"),
        (["03-01-2026", "2026-03-21", "version 1.2.2026"], None),
        (["21-03-2026", "03-21-2026"], None),
        (["99-99-2026"], None),
        ([], None),
    ],
)
def test_dates_beside_each_other_tell_their_order(dates: list[str], expected: str | None) -> None:
    """A number above 12 is the day, unless the page has it in both places."""
    assert date_order_of(dates) == expected


def test_a_clock_that_says_what_it_shows_is_not_held_against_our_own() -> None:
    """A cached page shows an old time, and beside it the instant that it means."""
    told = clock_from_words(
        "March 01, 2026, 12:00:00 PM", NOTHING, instant=datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
    )

    assert read(told)[0] == 8


def test_a_date_is_certain_by_the_page_s_clock() -> None:
    """Dates are certain once the page has given its zone and its order."""
    clock = clock_from_words("Current time: 03-10-2026, 12:01 PM", NOTHING)
    posted = moment("03-01-2026, 12:30 PM", clock)

    assert posted is not None
    assert (posted.at, posted.uncertain) == (datetime(2026, 3, 1, 4, 30, tzinfo=UTC), False)


@given(st.text(max_size=250) | st.text(alphabet="0123456789-/.: GMTUCapm+", max_size=40))
def test_any_words_are_taken(words: str) -> None:
    """No text raises, and every zone is within the possible range."""
    hours, _ = read(clock_from_words(words, NOTHING))

    assert hours is None or -12 <= hours <= 14
