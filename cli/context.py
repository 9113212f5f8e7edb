"""What a command gets: settings, database, evidence store, each opened when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:  # a command that needs no database must not pay for importing one
    from configuration.configuration import Configuration
    from configuration.settings import Settings
    from configuration.watched import Watched
    from crawler.settings import CrawlerSettings
    from storage.database.base import Database
    from storage.evidence.warc import EvidenceStore
    from storage.settings import StorageSettings


def utc_now() -> datetime:
    """The clock of the commands and the daemon; tests pass their own."""
    return datetime.now(UTC)


@dataclass
class App:
    """One invocation of the command. `config_option` is what --config said, None where it was not given."""

    config_option: Path | None = None
    debug: bool = False
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def configuration(self) -> Configuration:
        """Settings, sources and companies, as declared; raises ConfigurationRefused with every mistake."""
        from configuration.configuration import load_configuration

        return load_configuration(self.config_option)

    @cached_property
    def watched(self) -> Watched:
        """Settings and companies; a mistake in a source's file keeps nobody from looking for a company."""
        from configuration.watched import load_watched

        return load_watched(self.config_option)

    @property
    def crawler_settings(self) -> CrawlerSettings:
        """How pages are fetched: a site is looked at before there is a configuration as well."""
        from configuration.errors import ConfigurationMissing
        from crawler.settings import CrawlerSettings

        try:
            return self.settings.crawler
        except ConfigurationMissing:
            return CrawlerSettings.model_validate({})

    @property
    def settings(self) -> Settings:
        """The sections of spillwatch.toml with the environment applied; paths are absolute."""
        return self.configuration.settings

    @cached_property
    def storage(self) -> StorageSettings:
        """Where rows and evidence are; a mistake in a source's or a company's file keeps nobody from them."""
        from configuration.settings import locate_settings, read_settings

        return read_settings(locate_settings(self.config_option)).storage

    def choose_native(self) -> None:
        """Let `native` of [matching] say whether native code is used: before the first identifier is looked
        at. A customer list is worked on where no configuration may be; the environment is heard there too.
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
        """The database at its current schema: an empty one is set up, an older one raises SchemaOutdated."""
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
        """The database whatever its schema, for `db upgrade` and `doctor`."""
        from storage.database.base import Database

        storage = self.storage
        return Database.open(storage.database_url.get_secret_value(), busy_timeout_s=storage.busy_timeout_s)

    @cached_property
    def evidence(self) -> EvidenceStore:
        """The evidence store; its folder is made with mode 0700 on first use."""
        from storage.evidence.warc import EvidenceStore

        return EvidenceStore(self.storage.evidence_dir)

    def close(self) -> None:
        """Close what was opened. Called once by `main`."""
        if "database_unchecked" in self.__dict__:
            self.database_unchecked.close()


def app_of(context: typer.Context) -> App:
    """The App that the root command made."""
    found = context.find_object(App)
    if not isinstance(found, App):
        raise TypeError(f"this command was called without the root command: obj is {type(found).__name__}")
    return found
