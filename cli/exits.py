"""What the exit code of a command means; docs/reference/commands.md has the same table."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """One code a kind of ending, so that a script can tell them apart without reading our sentences."""

    OK = 0
    NEGATIVE = 1  # it worked, and the answer is no: nothing matched, a check failed, a run did not succeed
    USAGE = 2  # the command line itself: an unknown option, a missing argument
    CONFIGURATION = 3
    DATABASE = 4
    ALREADY_RUNNING = 5
    REFUSED = 6  # the input was refused: a damaged segment, an unknown source, a wrong key; or a part of it
    INTERNAL = 70  # a defect of ours (EX_SOFTWARE)
    INTERRUPTED = 130  # Ctrl-C (128 + SIGINT)
