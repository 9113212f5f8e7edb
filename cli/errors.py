"""Errors of the commands. `cli.exits` says with which code each error ends a command.

SpillwatchError (storage.errors)
└── CliError
    ├── UnknownName       no source, company or id has this name
    ├── WouldOverwrite    the file to be written already exists
    ├── ExtraMissing      an optional part of Spillwatch is not installed
    ├── RunInProgress     the source is already being crawled
    └── NoNodeForUnits    no node takes the units of a dump
"""

from __future__ import annotations

from storage.errors import SpillwatchError


class CliError(SpillwatchError):
    """The command could not be carried out."""

    reason = "cli_error"


class UnknownName(CliError):
    """No source, company, segment or run has this name."""

    reason = "unknown_name"


class WouldOverwrite(CliError):
    """The file already exists, so nothing was written."""

    reason = "would_overwrite"


class ExtraMissing(CliError):
    """An optional part of Spillwatch is not installed."""

    reason = "extra_missing"


class RunInProgress(CliError):
    """This source is already being crawled."""

    reason = "run_in_progress"


class NoNodeForUnits(CliError):
    """No node takes the units of this dump."""

    reason = "no_node_for_units"
