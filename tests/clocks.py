"""A clock that only the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Passed as `clock` to whatever asks for the time; `now` is UTC."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(hours=2)`."""
        self.now += timedelta(**duration)
