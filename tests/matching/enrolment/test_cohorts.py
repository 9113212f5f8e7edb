"""Enrolment dates: which cells are dates, and cohorts of about equal size."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.enrolment.cohorts import DateCohorts, EnrolmentDates, day_of
from matching.fingerprints.segments import LEAST_PEOPLE
from matching.fingerprints.segments.parts import COHORTS_LIMIT
from matching.identifiers import DateOrder

DAY = (date(2017, 6, 3) - date(1899, 12, 31)).days


@pytest.mark.parametrize(
    "cell",
    [
        "2017-06-03", " 2017-06-03 12:11:10 ", "2017-06-03T12:11:10Z", "2017-06-03T12:11:10+08:00",
        "20170603", "20170603121110", "201706031211", "1496448000", "1496448000000", "1496448000.5",
        "2017年6月3日",
        "2017/6/3 0:00", "03.06.2017", "3 Jun 2017", "Jun 3, 2017 10:11 PM", "２０１７-06-03",
    ],
)  # fmt: skip
def test_a_cell_is_a_day(cell: str) -> None:
    """Usual forms of dates and times, and Unix times, give their day."""
    assert day_of(cell) == DAY


@pytest.mark.parametrize(
    "cell",
    ["", "null", "03/06/2017", "0000-00-00", "1899-12-31", "2017-13-01", "198765432101234567", "x" * 99],
)
def test_other_cells_are_no_day(cell: str) -> None:
    """Dates that can be two dates, years out of range and other text are not known."""
    assert day_of(cell) == 0


def test_the_order_of_a_date_can_be_named() -> None:
    """With an order, 03/06/2017 is one day."""
    assert day_of("03/06/2017", DateOrder.DAY_FIRST) == DAY


@settings(deadline=None)
@given(st.dictionaries(st.integers(1, 65_535), st.integers(1, 4000), min_size=1, max_size=400))
def test_cohorts_are_large_enough_and_in_order(people: dict[int, int]) -> None:
    """At most 255 cohorts; each has ten people or more, unless the list has fewer; each day is in its own."""
    counts = np.zeros(1 << 16, np.int64)
    for day, number in people.items():
        counts[day] = number
    cohorts = DateCohorts.of(counts)
    sizes = np.bincount(cohorts.of_day, weights=counts)[1:]

    assert len(sizes) == len(cohorts.dates) <= COHORTS_LIMIT
    assert sizes.min() >= min(LEAST_PEOPLE, counts.sum())
    assert sizes.sum() == counts.sum()
    assert list(cohorts.dates) == sorted(set(cohorts.dates))
    assert cohorts.until == date(1899, 12, 31) + timedelta(max(people))
    for day in people:
        first = cohorts.dates[cohorts.of_day[day] - 1]
        assert first <= date(1899, 12, 31) + timedelta(day)
    assert np.all(np.diff(cohorts.of_day[1:].astype(int)) >= 0)


def test_many_dates_give_cohorts_of_about_equal_size() -> None:
    """Of many days each cohort is about a 255th; a day with most people is a cohort that is larger."""
    counts = np.zeros(1 << 16, np.int64)
    counts[40_000:44_000] = 50
    sizes = np.bincount(DateCohorts.of(counts).of_day, weights=counts)[1:]

    assert len(sizes) == 255
    assert sizes.max() < 2 * sizes.min()


def test_customers_have_the_numbers_of_their_dates(tmp_path: Path) -> None:
    """The cohorts of all batches come in the order of the customers; 0 where a date is not known."""
    dates = EnrolmentDates(tmp_path)
    dates.add(["2015-01-01"] * 10 + ["?"])
    dates.add(["2020-01-01"] * 10)
    cohorts = dates.cohorts()
    assert cohorts is not None
    numbers = np.concatenate(list(dates.numbers(cohorts)))
    dates.close()

    assert (dates.known, dates.unknown) == (20, 1)
    assert numbers.tolist() == [1] * 10 + [0] + [2] * 10
    assert list(tmp_path.iterdir()) == []
