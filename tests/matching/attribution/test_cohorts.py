"""The dates of enrolment of the matched customers: what they say of the copy, and when they say nothing."""

from datetime import date, timedelta

import numpy as np
import pytest

from matching.attribution.cohorts import CohortVerdict, Counts, date_copy

COHORTS = 100
BEGINS = tuple(date(2010, 1, 1) + timedelta(days=40 * index) for index in range(COHORTS))
BASE = np.array([0, *[1000] * COHORTS], np.int64)


def matches_up_to(cohort: int, count: int, *, seed: int = 1) -> Counts:
    """Return the cohorts of customers who are picked at random from the first cohorts."""
    picked = np.random.default_rng(seed).integers(1, cohort + 1, count)
    return np.bincount(picked, minlength=COHORTS + 1)


def test_every_match_enrolled_before_a_day() -> None:
    """The day is the beginning of the next cohort; the share and the error are those of the base."""
    found = date_copy(matches_up_to(69, 400), BASE, BEGINS)

    assert (found.verdict, found.before, found.later) == (CohortVerdict.DATED, BEGINS[69], 0)
    assert found.younger_share == pytest.approx(0.31)
    assert found.error == pytest.approx(0.69**400)
    assert (found.copied_after, found.evenly) == (BEGINS[68], True)
    assert found.copied_before is not None
    assert BEGINS[69] <= found.copied_before <= BEGINS[72]
    assert "enrolled before 2017-07-23; 31% of the base is younger" in found.sentence


def test_a_few_late_matches_give_a_share_instead() -> None:
    """Three of 403 matches are younger: it is not said that every match is older."""
    matched = matches_up_to(69, 400)
    matched[[80, 90, 99]] += 1

    found = date_copy(matched, BASE, BEGINS)

    assert (found.verdict, found.before, found.later) == (CohortVerdict.MOSTLY_DATED, BEGINS[69], 3)
    assert found.sentence.startswith("400 of 403 matches with an enrolment date (99.3%) are of customers")
    assert found.error < 0.01


def test_many_late_matches_are_no_old_copy() -> None:
    """A fifth of the matches is younger than a day: nothing is dated, and that they are uneven is said."""
    found = date_copy(matches_up_to(69, 400) + matches_up_to(100, 200), BASE, BEGINS)

    assert (found.verdict, found.before) == (CohortVerdict.UNLIKE_THE_BASE, None)


@pytest.mark.parametrize("count", [200, 2_000, 50_000])
def test_a_copy_of_today_is_not_dated(count: int) -> None:
    """Of 200 random samples of the whole base at most two in a hundred are dated: the error is bounded."""
    found = [date_copy(matches_up_to(100, count, seed=seed), BASE, BEGINS).verdict for seed in range(200)]

    dated = sum(verdict in (CohortVerdict.DATED, CohortVerdict.MOSTLY_DATED) for verdict in found)
    assert dated <= 4


@pytest.mark.parametrize(("cohort", "count"), [(30, 10), (69, 50), (95, 400)])
def test_the_days_between_which_the_copy_was_made(cohort: int, count: int) -> None:
    """In 99 of 100 samples the true day lies before `copied_before`; the day is never too late."""
    found = [date_copy(matches_up_to(cohort, count, seed=seed), BASE, BEGINS) for seed in range(200)]

    dated = [one for one in found if one.before is not None]
    assert len(dated) >= 150
    assert all(one.before is not None and one.before <= BEGINS[cohort] for one in dated)
    bounded = [one.copied_before is None or one.copied_before >= BEGINS[cohort] for one in dated]
    assert sum(bounded) >= 0.97 * len(bounded)


def test_too_few_matches_say_how_many_more_would_do() -> None:
    """Five matches from the older 70% are so by chance in 17% of cases."""
    matched = np.zeros(COHORTS + 1, np.int64)
    matched[[0, 3, 20, 41, 55, 70]] = 1

    found = date_copy(matched, BASE, BEGINS)

    assert (found.verdict, found.matches, found.undated) == (CohortVerdict.TOO_FEW_MATCHES, 5, 1)
    assert found.more_matches == 8  # 0.7 ** 13 < 0.01


def test_a_match_among_the_youngest_shows_that_the_copy_is_not_old() -> None:
    """Forty matches, the newest of them younger than 96% of the base: more would settle nothing else."""
    matched = np.zeros(COHORTS + 1, np.int64)
    matched[[*range(2, 97, 5), *range(1, 97, 5)]] += 1

    found = date_copy(matched, BASE, BEGINS)

    assert (found.verdict, found.more_matches) == (CohortVerdict.LIKE_THE_BASE, None)


def test_matches_of_one_year_alone_are_a_part_and_no_old_copy() -> None:
    """Everything is from nine cohorts: the sentence is true, and says that it may be a part of the list."""
    matched = matches_up_to(9, 100)
    moved = np.zeros_like(matched)
    moved[51:60] = matched[1:10]

    found = date_copy(moved, BASE, BEGINS)

    assert (found.verdict, found.before, found.evenly) == (CohortVerdict.DATED, BEGINS[59], False)
    assert "may be a part of the customers" in found.sentence


@pytest.mark.parametrize("begins", [(), BEGINS[:1]], ids=["none", "one"])
def test_a_base_without_dates_says_so(begins: tuple[date, ...]) -> None:
    """Nothing is dated without cohorts, or with one."""
    counts = np.array([7, *[1] * len(begins)], np.int64)

    assert date_copy(counts, counts, begins).verdict is CohortVerdict.NO_DATES


def test_no_match_has_a_date() -> None:
    """Only undated customers match: that is too few, not an error."""
    matched = np.zeros(COHORTS + 1, np.int64)
    matched[0] = 50

    found = date_copy(matched, BASE, BEGINS)

    assert (found.verdict, found.matches, found.undated) == (CohortVerdict.TOO_FEW_MATCHES, 0, 50)


def test_the_answer_has_the_figures_of_its_sentence() -> None:
    """`--json` has dates as text, and one entry for each cohort."""
    found = date_copy(matches_up_to(69, 400), BASE, BEGINS).as_dict()

    assert (found["verdict"], found["before"], found["later"]) == ("dated", "2017-07-23", 0)
    assert len(found["cohorts"]) == COHORTS
    assert found["cohorts"][0]["begins"] == "2010-01-01"
    assert sum(cohort["matched"] for cohort in found["cohorts"]) == 400
