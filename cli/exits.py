"""What the exit code of a command means, and which error ends a command with which code.

docs/reference/commands.md has the same table.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """One code per kind of ending, so that a script can tell them apart without reading our sentences."""

    OK = 0
    NEGATIVE = 1  # the command worked, and the answer is no: nothing matched, a check or a run failed
    USAGE = 2  # the command line itself: an unknown option, a missing argument
    CONFIGURATION = 3
    DATABASE = 4
    ALREADY_RUNNING = 5
    REFUSED = 6  # the input, or a part of it, was refused: a damaged segment, an unknown source, a wrong key
    INTERNAL = 70  # a defect of Spillwatch (EX_SOFTWARE in sysexits.h)
    INTERRUPTED = 130  # Ctrl-C (128 + SIGINT)


def exit_code(error: Exception) -> Exit:
    """The exit code of an error that ended a command; the first class that fits decides."""
    from sqlalchemy.exc import SQLAlchemyError  # takes 0.2 s, which a command that succeeds need not pay

    from configuration.errors import ConfigurationError
    from daemon.errors import HealthAddressRefused, LockLost
    from demo.errors import DemoError
    from storage.errors import AlreadyRunning, SpillwatchError, StorageError

    table = (
        (ConfigurationError, Exit.CONFIGURATION),
        (HealthAddressRefused, Exit.CONFIGURATION),
        (LockLost, Exit.DATABASE),
        (DemoError, Exit.NEGATIVE),
        (AlreadyRunning, Exit.ALREADY_RUNNING),
        (StorageError, Exit.DATABASE),
        (SQLAlchemyError, Exit.DATABASE),
        (SpillwatchError, Exit.REFUSED),
        (OSError, Exit.REFUSED),
    )
    return next((code for kind, code in table if isinstance(error, kind)), Exit.INTERNAL)
