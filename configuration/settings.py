"""The settings of spillwatch.toml: where the file is found, what overrides what, and every option.

Order, the last one wins: defaults, spillwatch.toml, systemd credentials, environment variables.
This is the only module that reads the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from alerts.settings import AlertsSettings
from configuration.declared_files import read_toml
from configuration.errors import ConfigurationMissing, ConfigurationRefused
from configuration.listen_address import ListenAddress
from configuration.mistake_messages import Mistake, mistakes_of
from configuration.setting_layers import SettingLayers, schema_of
from configuration.web_settings import WebSettings
from crawler.settings import CrawlerSettings
from matching.settings import MatchingSettings
from storage.nodes import EngineName
from storage.settings import RetentionSettings, StorageSettings
from storage.stores.location import anchored_address
from storage.work import NodeRole, NodeRoute

FILE_NAME = "spillwatch.toml"
PROCESS_ENVIRONMENT: Mapping[str, str] = os.environ
T = TypeVar("T")

SQLITE = "sqlite:///"
SYSTEM_FILE = Path("/etc/spillwatch") / FILE_NAME


class DaemonSettings(BaseModel):
    """[daemon]: the process of `spillwatch run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    health_address: ListenAddress = Field(
        default="127.0.0.1:9477",
        description='HOST:PORT of /healthz and /metrics. Port 0 takes a free port; "" disables both.',
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="Format of the log lines on standard error."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is logged."
    )
    upgrade_schema: bool = Field(
        default=True, description="Upgrade the database to this version's schema at start."
    )
    match_workers: int = Field(
        default=1, ge=1, le=64, description="Number of listings matched at the same time."
    )
    unit_workers: int = Field(
        default=1, ge=1, le=64, description="Number of units of dumps matched at the same time."
    )
    deliver_workers: int = Field(
        default=4, ge=1, le=64, description="Number of messages sent at the same time."
    )
    warm_process: bool = Field(
        default=True,
        description="Fork runs from one process that has imported everything, instead of starting Python.",
    )
    disk_floor_mb: int = Field(
        default=200,
        ge=0,
        le=1_000_000_000,
        description="Free MiB of a disk below which no new run and no matching begins; 0: no floor.",
    )
    disk_warning_days: int = Field(
        default=7, ge=0, le=365, description="Days before a disk reaches its floor at which an alert says so."
    )
    engine: EngineName = Field(
        default=EngineName.EMBEDDED,
        description="`embedded`: one daemon does everything; `procrastinate`: several share a PostgreSQL.",
    )
    roles: tuple[NodeRole, ...] = Field(
        default=tuple(NodeRole),
        min_length=1,
        description="What this node does: schedule, crawl, match, deliver. Fewer only with procrastinate.",
    )
    routes: tuple[NodeRoute, ...] = Field(
        default=(),
        description="Ways to sites that this node has: direct, tor. Empty: direct, and tor with a tor_proxy.",
    )
    node_name: Annotated[str, StringConstraints(pattern=r"^[\w.-]{0,63}$")] = Field(
        default="", description='Name of this node in `spillwatch nodes`; "" takes the name of the host.'
    )
    lease_s: float = Field(
        default=30.0,
        ge=3,
        le=3600,
        description="Seconds without a sign of life after which a node's work is given to other nodes.",
    )
    stop_timeout_s: float = Field(
        default=3.0, gt=0, le=60, description="Seconds that work in progress may take after SIGTERM."
    )

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        if self.engine is EngineName.EMBEDDED and set(self.roles) != set(NodeRole):
            raise ValueError('every role where engine is "embedded", because such a daemon works alone')
        return self


class Settings(BaseSettings):
    """The validated settings. `SettingLayers` merges spillwatch.toml with everything that overrides it."""

    model_config = SettingsConfigDict(
        env_prefix="SPILLWATCH_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    storage: StorageSettings = Field(
        default_factory=StorageSettings, description="Where rows and evidence are kept."
    )
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, description="For how long each kind of row and record is kept."
    )
    crawler: CrawlerSettings = Field(default_factory=CrawlerSettings, description="How sites are fetched.")
    matching: MatchingSettings = Field(
        default_factory=MatchingSettings, description="How listings are compared."
    )
    alerts: AlertsSettings = Field(
        default_factory=AlertsSettings, description="Who receives alerts, and when."
    )
    daemon: DaemonSettings = Field(
        default_factory=DaemonSettings, description="The process of `spillwatch run`."
    )
    web: WebSettings = Field(default_factory=WebSettings, description="The web console.")

    @model_validator(mode="after")
    def _check_engine(self) -> Self:
        url = self.storage.database_url.get_secret_value()
        if self.daemon.engine is EngineName.PROCRASTINATE and not url.startswith("postgres"):
            raise ValueError(
                'a PostgreSQL database_url in [storage], which engine = "procrastinate" of [daemon] needs'
            )
        if NodeRoute.TOR in self.daemon.routes and self.crawler.tor_proxy is None:
            raise ValueError("a tor_proxy in [crawler], which the route tor of [daemon] needs")
        return self

    @model_validator(mode="after")
    def _check_head_channel(self) -> Self:
        channel = self.web.audit_head_channel
        if channel and channel not in self.alerts.channels:
            known = ", ".join(sorted(self.alerts.channels)) or "none"
            raise ValueError(f"a channel of [alerts] in audit_head_channel of [web]; known: {known}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def locate_settings(option: Path | None, environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> Path:
    """Find the configuration file: --config, $SPILLWATCH_CONFIG, the working directory, /etc/spillwatch."""
    named = option or (
        Path(environment["SPILLWATCH_CONFIG"]) if environment.get("SPILLWATCH_CONFIG") else None
    )
    places = (named,) if named else (Path(FILE_NAME), SYSTEM_FILE)
    for place in places:
        if place.is_file():
            return place.absolute()
    searched = " or ".join(str(place) for place in places)
    raise ConfigurationMissing(
        f"Found no configuration file {searched}. "
        "Name one with --config FILE, or write one: `spillwatch init`."
    )


def read_settings(file: Path, environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> Settings:
    """Read the settings only; raises ConfigurationRefused with every mistake in them."""
    mistakes: list[Mistake] = []
    settings = settings_or_mistakes(file, environment, mistakes)
    if settings is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return settings


def settings_without_file(environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> Settings:
    """Return the settings without a file: defaults, overridden by credentials and environment."""
    mistakes: list[Mistake] = []
    settings = _merge_layers({}, Path(FILE_NAME).absolute(), environment, mistakes)
    if settings is None or mistakes:
        raise ConfigurationRefused(mistakes)
    return settings


def settings_or_mistakes(
    file: Path, environment: Mapping[str, str], mistakes: list[Mistake]
) -> Settings | None:
    """Return the settings, or None if they are invalid. Adds to `mistakes`, possibly in both cases."""
    return _merge_layers(read_toml(file, mistakes) or {}, file, environment, mistakes)


def _merge_layers(
    table: Mapping[str, Any], file: Path, environment: Mapping[str, str], mistakes: list[Mistake]
) -> Settings | None:
    layers = SettingLayers(Settings, file=file)
    layers.add_toml(table)
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    layers.add_credentials(Path(credentials) if credentials else None)
    layers.add_environment(environment)
    mistakes += layers.mistakes
    try:
        settings = Settings(**layers.values)
    except ValidationError as error:
        found = mistakes_of(error, origin=layers.origin, data=layers.values, schema=schema_of(Settings))
        mistakes += [mistake for mistake in found if not layers.follows_from_unread(mistake)]
        return None
    return _anchor_addresses(anchor_paths(settings, file.parent), file.parent)


def anchor_paths(value: T, folder: Path) -> T:
    """Return `value` with each relative path in it made absolute from `folder`, the folder of its file."""
    if isinstance(value, Path):
        return cast(T, folder / value.expanduser())
    if isinstance(value, BaseModel):
        changed = {name: anchor_paths(inner, folder) for name, inner in value if _holds_path(inner)}
        return cast(T, value.model_copy(update=changed)) if changed else value
    if isinstance(value, dict):
        return cast(T, {key: anchor_paths(inner, folder) for key, inner in value.items()})
    if isinstance(value, tuple):
        return cast(T, tuple(anchor_paths(inner, folder) for inner in value))
    return value


def _holds_path(value: object) -> bool:
    return isinstance(value, (Path, BaseModel, dict, tuple))


def _anchor_addresses(settings: Settings, folder: Path) -> Settings:
    """Return the settings with the relative paths in its addresses made absolute."""
    changed: dict[str, object] = {"evidence": anchored_address(settings.storage.evidence, folder)}
    url = settings.storage.database_url.get_secret_value()
    path = Path(url.removeprefix(SQLITE)).expanduser()
    if url.startswith(SQLITE) and not (url == f"{SQLITE}{path}" and path.is_absolute()):
        changed["database_url"] = SecretStr(f"{SQLITE}{folder / path}")
    matching = {
        "segments": anchored_address(settings.matching.segments, folder),
        "s3": settings.matching.s3 or settings.storage.s3,
    }
    return settings.model_copy(
        update={
            "storage": settings.storage.model_copy(update=changed),
            "matching": settings.matching.model_copy(update=matching),
        }
    )


@dataclass(frozen=True)
class Supervision:
    """What systemd expects of this process: its socket, and the interval of its watchdog. None: nothing."""

    notify_socket: str | None
    watchdog_s: float | None


def read_supervision(environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> Supervision:
    """Read systemd's variables: see sd_notify(3) and sd_watchdog_enabled(3)."""
    interval_us = environment.get("WATCHDOG_USEC", "")
    for_this_process = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog_s = int(interval_us) / 1_000_000 if interval_us.isdigit() and for_this_process else None
    return Supervision(environment.get("NOTIFY_SOCKET") or None, watchdog_s)


def has_display(environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> bool:
    """Return whether a browser can open a window here, as far as the environment says."""
    return sys.platform == "darwin" or any(environment.get(each) for each in ("DISPLAY", "WAYLAND_DISPLAY"))


def environment_without_settings(environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> dict[str, str]:
    """Return the environment without Spillwatch's settings, for a process configured by files only."""
    ours = ("SPILLWATCH_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")
    return {name: value for name, value in environment.items() if not name.startswith(ours)}
