"""When a failed attempt is repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.retry import JITTER, RETRY_AFTER_MAX_S, next_attempt
from alerts.settings import RetrySettings
from tests.alerts.samples import NOON

SETTINGS = RetrySettings(attempts=8, base_s=30, max_s=600, give_up_after_s=7200)


def wait_s(attempt: int, *, retry_after_s: float | None = None, chance: float = 0.0) -> float | None:
    """Seconds to the next attempt; None: no further attempt."""
    due = next_attempt(
        SETTINGS, attempt=attempt, began=NOON, now=NOON, retry_after_s=retry_after_s, chance=chance
    )
    return None if due is None else (due - NOON).total_seconds()


def test_waits_double_up_to_the_longest() -> None:
    """Without jitter the waits are 30, 60, 120, 240, 480, 600 and 600 s; after eight attempts there is
    none.
    """
    assert [wait_s(attempt) for attempt in range(1, 9)] == [30, 60, 120, 240, 480, 600, 600, None]


@given(attempt=st.integers(1, 7), chance=st.floats(0, 1))
def test_jitter_shortens_by_a_quarter_at_most(attempt: int, chance: float) -> None:
    """Jitter takes at most a quarter off a wait."""
    whole, some = wait_s(attempt), wait_s(attempt, chance=chance)

    assert whole is not None
    assert some is not None
    assert whole * (1 - JITTER) - 0.001 <= some <= whole


@pytest.mark.parametrize(("requested_s", "wait"), [(0, 30), (10, 30), (120, 120)])
def test_retry_after_only_makes_it_longer(requested_s: float, wait: float) -> None:
    """Retry-After makes a wait longer, never shorter."""
    assert wait == wait_s(1, retry_after_s=requested_s)


def test_retry_after_is_bounded() -> None:
    """A receiver that asks for years gets six hours."""
    patient = RetrySettings(give_up_after_s=10**6)
    due = next_attempt(patient, attempt=1, began=NOON, now=NOON, retry_after_s=1e9, chance=0)

    assert NOON + timedelta(seconds=RETRY_AFTER_MAX_S) == due


def test_no_attempt_after_the_time_to_give_up() -> None:
    """After give_up_after_s, two hours here, no further attempt is planned."""
    late = NOON + timedelta(seconds=7199)

    assert next_attempt(SETTINGS, attempt=1, began=NOON, now=late, retry_after_s=None, chance=0) is None
