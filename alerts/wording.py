"""Numbers and times as people read them in an alert."""

from __future__ import annotations

from datetime import UTC, datetime

_NUMERALS = (
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)


def format_count(count: int) -> str:
    """Return a number with thousands separators: 1,234,567."""
    return f"{count:,}"


def format_time(at: datetime | None) -> str:
    """Return a time in UTC, to the minute, because readers are in several time zones; "" for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def nth(number: int) -> str:
    """Return the ordinal numeral, as a word up to ten: "third", "21st"."""
    if number < len(_NUMERALS):
        return _NUMERALS[number]
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{suffix}"


def format_share(low: float | None, middle: float | None, high: float | None) -> str:
    """Return a share of rows with its 90% interval: 97% (90% interval: 85% to 100%)."""
    if low is None or middle is None or high is None:
        return "the share is not known"
    return f"{middle:.0%} of them (90% interval: {low:.0%} to {high:.0%})"
