"""What is searched for: spillwatch.toml with the companies beside it, without the sources.

`spillwatch match` needs no sources, and importing their definitions takes a quarter of a second.
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
    """Settings and companies, without mistakes."""

    file: Path
    settings: Settings
    companies: tuple[Declared[CompanyDefinition], ...]


def load_watch_configuration(
    option: Path | None, environment: Mapping[str, str] = PROCESS_ENVIRONMENT
) -> WatchConfiguration:
    """Read settings and companies; raises ConfigurationMissing, or ConfigurationRefused with all mistakes."""
    file, mistakes = locate_settings(option, environment), list[Mistake]()
    watched = watch_configuration_or_mistakes(file, environment, mistakes)
    if watched is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return watched


def watch_configuration_or_mistakes(
    file: Path, environment: Mapping[str, str], mistakes: list[Mistake]
) -> WatchConfiguration | None:
    """Read settings and companies, and add every mistake to `mistakes`. None: the settings are invalid.

    Use the result only if there are no mistakes.
    """
    settings = settings_or_mistakes(file, environment, mistakes)
    companies = read_folder(file.parent / "companies", TypeAdapter(CompanyDefinition))
    mistakes += companies.mistakes + _duplicate_names(companies.found)
    if settings is None:
        return None
    mistakes += _unknown_companies(file, settings, companies.names)
    declared = anchor_declared(companies)
    return WatchConfiguration(file, _with_keys(settings, declared, environment), declared)


def anchor_declared(folder: DeclaredFolder[T]) -> tuple[Declared[T], ...]:
    """Return a folder's declarations, with relative paths made absolute from each file's own folder."""
    return tuple(
        Declared(each.name, each.file, anchor_paths(each.value, each.file.parent)) for each in folder.found
    )


def _duplicate_names(companies: Sequence[Declared[CompanyDefinition]]) -> list[Mistake]:
    """Return mistakes for companies with the same name and for repeated terms of a company."""
    names = [(str(company.file), "name", company.value.name) for company in companies]
    mistakes = duplicate_mistakes(names)
    for company in companies:
        terms = enumerate(company.value.terms, 1)
        mistakes += duplicate_mistakes(
            (str(company.file), f"terms[{number}].text", term.text) for number, term in terms
        )
    return mistakes


def _unknown_companies(file: Path, settings: Settings, slugs: Sequence[str]) -> list[Mistake]:
    """Return mistakes for channels of unknown companies: such a channel would never send anything."""
    wanted = "one of " + ", ".join(slugs) if slugs else "the name of a file in companies/"
    return [
        Mistake(str(file), f"alerts.channels.{name}.companies", repr(slug), wanted, did_you_mean(slug, slugs))
        for name, channel in settings.alerts.channels.items()
        for slug in channel.companies
        if slug not in slugs
    ]


def _with_keys(
    settings: Settings, companies: Sequence[Declared[CompanyDefinition]], environment: Mapping[str, str]
) -> Settings:
    """Add the companies' key sources to the settings.

    They are read from files only, never from the database: whoever can write to the database must not be able
    to name a key file or a command.
    """
    matching = settings.matching
    keys = {company.name: company.value.fingerprints.keys for company in companies}
    given = environment.get("CREDENTIALS_DIRECTORY")
    changes = {
        "keys": {**keys, **matching.keys},
        "credentials_dir": matching.credentials_dir or (Path(given) if given else None),
    }
    return settings.model_copy(update={"matching": matching.model_copy(update=changes)})
