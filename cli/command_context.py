"""What a command works with: settings, database and evidence store, each opened on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # a command that needs no database should not spend time on importing one
    from configuration.configuration import Configuration
    from configuration.settings import Settings
    from configuration.watch_configuration import WatchConfiguration
    from crawler.settings import CrawlerSettings
    from storage.database.base import Database
    from storage.evidence.warc import EvidenceStore
    from storage.settings import StorageSettings

Wide = Annotated[
    bool, typer.Option("--wide", help="Show every column, one line per row, however wide the terminal is.")
]


def utc_now() -> datetime:
    """Return the time for commands and the daemon. Tests pass their own clock."""
    return datetime.now(UTC)


@dataclass
class App:
    """One invocation of the command. `config_option` is the value of --config, None if it was not given."""

    config_option: Path | None = None
    debug: bool = False
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def configuration(self) -> Configuration:
        """Settings, sources and companies; raises ConfigurationRefused with every mistake."""
        from configuration.configuration import load_configuration

        return load_configuration(self.config_option)

    @cached_property
    def watch_configuration(self) -> WatchConfiguration:
        """Settings and companies. Source files are not read, so a mistake in one does not matter."""
        from configuration.watch_configuration import load_watch_configuration

        return load_watch_configuration(self.config_option)

    @property
    def crawler_settings(self) -> CrawlerSettings:
        """How pages are fetched; defaults if there is no configuration yet."""
        from configuration.errors import ConfigurationMissing
        from crawler.settings import CrawlerSettings

        try:
            return self.settings.crawler
        except ConfigurationMissing:
            return CrawlerSettings.model_validate({})

    @property
    def settings(self) -> Settings:
        """The sections of spillwatch.toml with the environment applied. Paths are absolute."""
        return self.configuration.settings

    @cached_property
    def sections(self) -> Settings:
        """The sections of spillwatch.toml. Neither source nor company files are read for this."""
        from configuration.settings import locate_settings, read_settings

        return read_settings(locate_settings(self.config_option))

    @property
    def storage(self) -> StorageSettings:
        """Where rows and evidence are. Neither source nor company files are read for this."""
        return self.sections.storage

    def choose_native(self) -> None:
        """Apply `native` of [matching]; call it before the first identifier is scanned.

        Works without a configuration file, because a company's premises may have none. The environment counts
        there too.
        """
        from configuration.errors import ConfigurationMissing
        from configuration.settings import locate_settings, read_settings, settings_without_file
        from matching.native.library import allow_native

        try:
            settings = read_settings(locate_settings(self.config_option))
        except ConfigurationMissing:
            if self.config_option is not None:
                raise
            settings = settings_without_file()
        allow_native(settings.matching.native)

    @cached_property
    def database(self) -> Database:
        """The database with the current schema: an empty one is set up, an old one raises SchemaOutdated."""
        from storage.database.revisions import require_current, stored_revision

        database = self.database_unchecked
        if stored_revision(database) is None:
            from storage.database.schema import (
                upgrade_schema,  # Alembic takes 0.5 s, which only the first command pays
            )

            upgrade_schema(database)
        require_current(database)
        return database

    @cached_property
    def database_unchecked(self) -> Database:
        """The database with any schema, for `db upgrade` and `doctor`."""
        from storage.database.base import Database

        storage = self.storage
        return Database.open(storage.database_url.get_secret_value(), busy_timeout_s=storage.busy_timeout_s)

    @cached_property
    def evidence(self) -> EvidenceStore:
        """The evidence store. Its folder is made with mode 0700 on first use."""
        return self.storage.evidence_store()

    def close(self) -> None:
        """Close the database if it was opened."""
        if "database_unchecked" in self.__dict__:
            self.database_unchecked.close()


def app_of(context: typer.Context) -> App:
    """Return the App that the root command made."""
    found = context.find_object(App)
    if not isinstance(found, App):
        raise TypeError(f"this command was called without the root command: obj is {type(found).__name__}")
    return found
