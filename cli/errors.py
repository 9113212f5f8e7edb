"""Errors of the command line and the daemon.

SpillwatchError (storage.errors)
└── CliError
    ├── ConfigurationRefused    every mistake of every file
    ├── ConfigurationMissing    no spillwatch.toml where it was looked for
    ├── UnknownName             a source, a company or an id that is not there
    ├── WouldOverwrite          `init` in a folder that has a configuration
    ├── RunInProgress           a source that is being crawled already
    ├── LockLost                PostgreSQL dropped the daemon's lock
    └── HealthAddressRefused    the health server's address cannot be used
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cli.exits import Exit
from cli.mistakes import Mistake
from storage.errors import SpillwatchError


class CliError(SpillwatchError):
    """The command could not be carried out."""

    reason = "cli_error"
    exit: ClassVar[Exit] = Exit.REFUSED


class ConfigurationRefused(CliError):
    """The configuration has mistakes; `mistakes` holds all of them."""

    reason = "configuration_refused"
    exit = Exit.CONFIGURATION

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(mistakes)} mistakes" if len(mistakes) != 1 else "1 mistake"
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"The configuration has {count}:\n{lines}")


class ConfigurationMissing(CliError):
    """There is no configuration file."""

    reason = "configuration_missing"
    exit = Exit.CONFIGURATION


class UnknownName(CliError):
    """There is nothing of that name."""

    reason = "unknown_name"


class WouldOverwrite(CliError):
    """The file exists already."""

    reason = "would_overwrite"


class RunInProgress(CliError):
    """This source is being crawled already."""

    reason = "run_in_progress"


class LockLost(CliError):
    """The database forgot this daemon's lock, because its server went away. Start the daemon again."""

    reason = "lock_lost"
    exit = Exit.DATABASE


class HealthAddressRefused(CliError):
    """The address of the health server cannot be used."""

    reason = "health_address_refused"
    exit = Exit.CONFIGURATION
