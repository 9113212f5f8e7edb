"""Exit codes and the errors that lead to them. docs/reference/commands.md has the same table."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """One code per kind of ending, so that a script can tell them apart without reading messages."""

    OK = 0
    NEGATIVE = 1  # the command worked and the answer is no: nothing matched, or a check or a run failed
    USAGE = 2  # the command line is wrong: an unknown option, a missing argument
    CONFIGURATION = 3
    DATABASE = 4
    ALREADY_RUNNING = 5
    REFUSED = 6  # input was refused or could not be read: a damaged segment, an unknown source, a wrong key
    INTERNAL = 70  # a defect of Spillwatch (EX_SOFTWARE in sysexits.h)
    INTERRUPTED = 130  # Ctrl-C (128 + SIGINT)


def exit_code(error: Exception) -> Exit:
    """Return the exit code of an error that ended a command. The first class that fits decides."""
    from sqlalchemy.exc import SQLAlchemyError  # its import takes 0.2 s; a command that succeeds skips it

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
