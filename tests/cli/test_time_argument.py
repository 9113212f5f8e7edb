"""Ages and dates on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from cli.time_argument import parse_moment

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["²d", "9999999w", "9" * 5000 + "d", "d", "", "7 d", "2026-13-01"])
def test_what_is_no_age_and_no_date_is_refused(text: str) -> None:
    """Text that is neither an age nor a date is refused with an example of both."""
    with pytest.raises(typer.BadParameter, match=r"7d.*2026-05-01"):
        parse_moment(text, now=NOW)


def test_an_age_is_counted_back_from_now() -> None:
    """An age in minutes or weeks is subtracted from now."""
    assert [NOW - parse_moment(text, now=NOW) for text in ("30m", "2w")] == [
        timedelta(minutes=30),
        timedelta(weeks=2),
    ]
