"""The whole configuration: spillwatch.toml with the sources and companies beside it, without mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from configuration.declared_files import Declared, read_folder
from configuration.errors import ConfigurationRefused
from configuration.mistake_messages import Mistake
from configuration.settings import PROCESS_ENVIRONMENT, locate_settings
from configuration.watch_configuration import (
    WatchConfiguration,
    anchor_declared,
    watch_configuration_or_mistakes,
)
from crawler.sources import SourceDefinition


@dataclass(frozen=True)
class Configuration(WatchConfiguration):
    """Settings, companies and sources."""

    sources: tuple[Declared[SourceDefinition], ...]


def load_configuration(
    option: Path | None, environment: Mapping[str, str] = PROCESS_ENVIRONMENT
) -> Configuration:
    """Read the configuration; raises ConfigurationMissing, or ConfigurationRefused with every mistake."""
    file = locate_settings(option, environment)
    sources = read_folder(file.parent / "sources", TypeAdapter(SourceDefinition))
    mistakes: list[Mistake] = []
    watched = watch_configuration_or_mistakes(file, environment, mistakes)
    mistakes += sources.mistakes
    if watched is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return Configuration(file, watched.settings, watched.companies, anchor_declared(sources))
