"""Errors of the daemon.

SpillwatchError (storage.errors)
└── DaemonError
    ├── LookFailed              the process that reads a page for the console ended without an answer
    │   └── LookTimedOut        it took too long
    ├── LockLost                PostgreSQL released the daemon's lock
    ├── HealthAddressRefused    the health server cannot listen on its address
    └── ConsoleExtraMissing     [web] names an address, and the console's libraries are not installed
"""

from __future__ import annotations

from storage.errors import SpillwatchError


class DaemonError(SpillwatchError):
    """The daemon cannot continue."""

    reason = "daemon_error"


class LookFailed(DaemonError):
    """The process that read the page ended without an answer: the page may need too much memory."""

    reason = "look_failed"


class LookTimedOut(LookFailed):
    """Reading the page took too long and was stopped."""

    reason = "look_timed_out"


class LockLost(DaemonError):
    """The database server ended the connection that held this daemon's lock. Start the daemon again."""

    reason = "lock_lost"


class HealthAddressRefused(DaemonError):
    """The health server cannot listen on its address."""

    reason = "health_address_refused"


class ConsoleExtraMissing(DaemonError):
    """`listen` of [web] is set, and the libraries of the extra `web` are not installed."""

    reason = "console_extra_missing"
