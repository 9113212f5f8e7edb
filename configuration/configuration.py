"""The whole configuration: spillwatch.toml with the sources and companies beside it, without mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

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
from crawler.fetching.guard import is_onion
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
    mistakes += sources.mistakes + _onions_without_tor(sources.found)
    if watched is not None:
        mistakes += _tor_without_proxy(file, watched, sources.found)
    if watched is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return Configuration(file, watched.settings, watched.companies, anchor_declared(sources))


def _onions_without_tor(sources: Sequence[Declared[SourceDefinition]]) -> list[Mistake]:
    """Return mistakes for onion addresses of sources that are fetched directly: they are never requested."""
    return [
        Mistake(
            str(source.file),
            "via",
            f'"{source.value.via}" although start has {host}',
            'via = "tor", because only Tor reaches an onion site',
        )
        for source in sources
        if source.value.via != "tor"
        for host in dict.fromkeys(urlsplit(url).hostname or "" for url in source.value.start)
        if is_onion(host)
    ]


def _tor_without_proxy(
    file: Path, watched: WatchConfiguration, sources: Sequence[Declared[SourceDefinition]]
) -> list[Mistake]:
    """Return a mistake if enabled sources are fetched through Tor and no proxy is set: all would fail."""
    users = [source.name for source in sources if source.value.via == "tor" and source.value.enabled]
    if not users or watched.settings.crawler.tor_proxy is not None:
        return []
    named = ", ".join(users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
    plural = "sources" if len(users) > 1 else "source"
    found = f'nothing, although via = "tor" is set in the {plural} {named}'
    return [
        Mistake(str(file), "crawler.tor_proxy", found, 'Tor\'s SOCKS port, such as "socks5://127.0.0.1:9050"')
    ]
