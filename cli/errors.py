"""Errors of the command line and the daemon.

SpillwatchError (storage.errors)
└── CliError
    ├── ConfigurationRefused    every mistake of every file
    │   └── ConfigurationMissing
    ├── UnknownName             a source, a company or an id that is not there
    ├── WouldOverwrite          `init` in a folder that has a configuration
    ├── RunInProgress           a source that is being crawled already
    └── HealthAddressRefused    the health server's address cannot be used
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError

from cli.exits import Exit


class CliError(SpillwatchError):
    """The command could not be carried out."""

    reason = "cli_error"
    exit: ClassVar[Exit] = Exit.REFUSED


class UnknownName(CliError):
    """There is nothing of that name."""

    reason = "unknown_name"


class WouldOverwrite(CliError):
    """The file exists already."""

    reason = "would_overwrite"


class RunInProgress(CliError):
    """This source is being crawled already."""

    reason = "run_in_progress"


class HealthAddressRefused(CliError):
    """The address of the health server cannot be used."""

    reason = "health_address_refused"
    exit = Exit.CONFIGURATION
