"""Errors of the demo.

CliError (cli.errors)
├── NotEnrolled      a lender's customers could not be enrolled
├── DaemonEnded      the daemon went away during the show
├── NotSettled       the daemon did not take in a step of the story in time
└── NotAsExpected    alerts are missing, or there are some that nobody expected
"""

from __future__ import annotations

from collections.abc import Sequence

from cli.errors import CliError
from cli.exits import Exit


class NotEnrolled(CliError):
    """A lender's customers could not be enrolled."""

    reason = "demo_not_enrolled"
    exit = Exit.NEGATIVE


class DaemonEnded(CliError):
    """The demo's daemon ended by itself."""

    reason = "demo_daemon_ended"
    exit = Exit.NEGATIVE


class NotSettled(CliError):
    """The demo's daemon did not take in a step of the story in time."""

    reason = "demo_not_settled"
    exit = Exit.NEGATIVE


class NotAsExpected(CliError):
    """The demo came to something else than its story."""

    reason = "demo_not_as_expected"
    exit = Exit.NEGATIVE

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["The demo came to something else than its story:", *problems]))
