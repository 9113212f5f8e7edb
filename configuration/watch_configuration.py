"""Whom we look for and how: spillwatch.toml with the companies beside it, without the sources.

A match asks no site, so it need not know what a source may say, which costs a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from configuration.declared_files import Declared, DeclaredFolder, duplicate_mistakes, read_folder
from configuration.errors import ConfigurationRefused
from configuration.mistake_messages import Mistake, did_you_mean
from configuration.settings import (
    PROCESS_ENVIRONMENT,
    Settings,
    anchor_paths,
    locate_settings,
    settings_or_mistakes,
)
from matching.company_definition import CompanyDefinition

T = TypeVar("T")


@dataclass(frozen=True)
class WatchConfiguration:
    """What is declared in files and the environment about ourselves and our companies, without a mistake."""

    file: Path
    settings: Settings
    companies: tuple[Declared[CompanyDefinition], ...]


def load_watch_configuration(
    option: Path | None, environment: Mapping[str, str] = PROCESS_ENVIRONMENT
) -> WatchConfiguration:
    """Raises ConfigurationMissing, or ConfigurationRefused with every mistake that is not in a source."""
    file, mistakes = locate_settings(option, environment), list[Mistake]()
    watched = watch_configuration_or_mistakes(file, environment, mistakes)
    if watched is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return watched


def watch_configuration_or_mistakes(
    file: Path, environment: Mapping[str, str], mistakes: list[Mistake]
) -> WatchConfiguration | None:
    """Notes every mistake, and is of use only where there is none; None: there are not even settings."""
    settings = settings_or_mistakes(file, environment, mistakes)
    companies = read_folder(file.parent / "companies", TypeAdapter(CompanyDefinition))
    mistakes += companies.mistakes + _duplicate_names(companies.found)
    if settings is None:
        return None
    mistakes += _unknown_companies(file, settings, companies.names)
    declared = anchor_declared(companies)
    return WatchConfiguration(file, _with_keys(settings, declared, environment), declared)


def anchor_declared(folder: DeclaredFolder[T]) -> tuple[Declared[T], ...]:
    """What was found in a folder, each with its paths counted from its own file."""
    return tuple(
        Declared(each.name, each.file, anchor_paths(each.value, each.file.parent)) for each in folder.found
    )


def _duplicate_names(companies: Sequence[Declared[CompanyDefinition]]) -> list[Mistake]:
    """Two companies of one name, and a term twice in a company."""
    names = [(str(company.file), "name", company.value.name) for company in companies]
    mistakes = duplicate_mistakes(names)
    for company in companies:
        terms = enumerate(company.value.terms, 1)
        mistakes += duplicate_mistakes(
            (str(company.file), f"terms[{number}].text", term.text) for number, term in terms
        )
    return mistakes


def _unknown_companies(file: Path, settings: Settings, slugs: Sequence[str]) -> list[Mistake]:
    """A channel that carries a misspelt company's alerts would be silent for ever."""
    wanted = "one of " + ", ".join(slugs) if slugs else "a file in companies/ of that name"
    return [
        Mistake(str(file), f"alerts.channels.{name}.companies", repr(slug), wanted, did_you_mean(slug, slugs))
        for name, channel in settings.alerts.channels.items()
        for slug in channel.companies
        if slug not in slugs
    ]


def _with_keys(
    settings: Settings, companies: Sequence[Declared[CompanyDefinition]], environment: Mapping[str, str]
) -> Settings:
    """Where keys come from is told by files alone, so that who can write the database names no key and no
    command.
    """
    matching = settings.matching
    keys = {company.name: company.value.fingerprints.keys for company in companies}
    given = environment.get("CREDENTIALS_DIRECTORY")
    changes = {
        "keys": {**keys, **matching.keys},
        "credentials_dir": matching.credentials_dir or (Path(given) if given else None),
    }
    return settings.model_copy(update={"matching": matching.model_copy(update=changes)})
