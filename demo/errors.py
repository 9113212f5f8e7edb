"""Errors of the demo.

SpillwatchError (storage.errors)
└── DemoError
    ├── NotEnrolled      the customers of a practice lender could not be enrolled
    ├── DaemonEnded      the daemon ended during the show
    ├── NotSettled       the daemon did not process a step of the story in time
    └── NotAsExpected    alerts are missing, or unexpected ones arrived
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.errors import SpillwatchError


class DemoError(SpillwatchError):
    """The demo did not run as its story says."""

    reason = "demo_error"


class NotEnrolled(DemoError):
    """The customers of a practice lender could not be enrolled."""

    reason = "demo_not_enrolled"


class DaemonEnded(DemoError):
    """The demo's daemon ended unexpectedly."""

    reason = "demo_daemon_ended"


class NotSettled(DemoError):
    """The demo's daemon did not process a step of the story in time."""

    reason = "demo_not_settled"


class NotAsExpected(DemoError):
    """The demo's result differs from its story."""

    reason = "demo_not_as_expected"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["The demo's result differs from its story:", *problems]))
