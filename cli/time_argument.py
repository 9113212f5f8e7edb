"""Reads a point in time from the command line: an age, a time ahead, or a date."""

from __future__ import annotations

from datetime import datetime, timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Return the time of an age (30m, 12h, 7d, 2w) before `now`, or of a date (local if it has no zone)."""
    try:
        if text[:-1].isdecimal() and text[-1:] in _UNITS:
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is not a time; give an age such as 7d or a date such as 2026-05-01"
        ) from None


def parse_end(text: str, *, now: datetime) -> datetime:
    """Return the time so far ahead of `now` (30m, 12h, 7d, 2w), or a date (local if it has no zone)."""
    age = parse_moment(text, now=now)
    end = now + (now - age) if text[-1:] in _UNITS and text[:-1].isdecimal() else age
    if end <= now:
        raise typer.BadParameter(f"{text!r} is in the past; give a time ahead, such as 7d or a later date")
    return end
