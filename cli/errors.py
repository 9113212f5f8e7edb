"""Errors of the commands. `cli.exits` says with which code each error ends a command.

SpillwatchError (storage.errors)
└── CliError
    ├── UnknownName       no source, company or id has this name
    ├── WouldOverwrite    the file to be written exists already
    └── RunInProgress     the source is being crawled already
"""

from __future__ import annotations

from storage.errors import SpillwatchError


class CliError(SpillwatchError):
    """The command could not be carried out."""

    reason = "cli_error"


class UnknownName(CliError):
    """Nothing has this name."""

    reason = "unknown_name"


class WouldOverwrite(CliError):
    """The file exists already."""

    reason = "would_overwrite"


class RunInProgress(CliError):
    """This source is being crawled already."""

    reason = "run_in_progress"
