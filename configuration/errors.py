"""Errors of the configuration.

SpillwatchError (storage.errors)
└── ConfigurationError
    ├── ConfigurationRefused    the configuration has mistakes, and all of them are listed
    └── ConfigurationMissing    none of the searched places has a spillwatch.toml
"""

from __future__ import annotations

from collections.abc import Sequence

from configuration.mistake_messages import Mistake
from storage.errors import SpillwatchError


class ConfigurationError(SpillwatchError):
    """The configuration cannot be used."""

    reason = "configuration_error"


class ConfigurationRefused(ConfigurationError):
    """The configuration has mistakes. `mistakes` contains all of them."""

    reason = "configuration_refused"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(mistakes)} mistakes" if len(mistakes) != 1 else "1 mistake"
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"The configuration has {count}:\n{lines}")


class ConfigurationMissing(ConfigurationError):
    """There is no configuration file."""

    reason = "configuration_missing"
