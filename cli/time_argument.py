"""How a command is told since when: an age or a date."""

from __future__ import annotations

from datetime import datetime, timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Return an age (30m, 12h, 7d, 2w) before `now`, or a date, local unless it names a zone."""
    try:
        if text[:-1].isdecimal() and text[-1:] in _UNITS:
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        wanted = "an age such as 7d or a date such as 2026-05-01"
        raise typer.BadParameter(f"found {text!r}; wanted {wanted}") from None
