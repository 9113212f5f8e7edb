"""Every setting with its value, its default, and where it was set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from configuration.declared_files import read_toml
from configuration.mistake_messages import Mistake
from configuration.setting_layers import SettingLayers, normalised_key
from configuration.settings import PROCESS_ENVIRONMENT, Settings

#: By the keys of a setting, in lower case and with underscores: the file, the variable or the credential.
Origins = Mapping[tuple[str, ...], str]
MAX_VALUE_CHARS = 400


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting. `value` is None for one that is not set; of a secret only whether it is set is known.

    `origin` is None for a default.
    """

    section: str
    key: str
    value: str | None
    is_secret: bool
    default: str | None
    purpose: str
    origin: str | None


def setting_origins(file: Path, environment: Mapping[str, str] = PROCESS_ENVIRONMENT) -> Origins:
    """Return where each setting was set that is no default. Call it when the settings are read."""
    mistakes: list[Mistake] = []
    layers = SettingLayers(Settings, file=file)
    layers.add_toml(read_toml(file, mistakes) or {})
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    layers.add_credentials(Path(credentials) if credentials else None)
    layers.add_environment(environment)
    return dict(_origins_below(layers, layers.values, ()))


def _origins_below(
    layers: SettingLayers, values: Mapping[str, object], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in values.items():
        here = (*place, key)
        if isinstance(value, Mapping):
            yield from _origins_below(layers, value, here)
        else:
            yield tuple(normalised_key(each) for each in here), layers.origin(here)


def settings_in_force(settings: Settings, origins: Origins) -> Sequence[SettingInForce]:
    """Return every setting, in the order of the sections."""
    return list(_settings_below(settings, (), origins))


def _settings_below(model: BaseModel, place: tuple[str, ...], origins: Origins) -> Iterator[SettingInForce]:
    tables: list[tuple[str, BaseModel]] = []
    for name, field in type(model).model_fields.items():
        key, value = field.alias or name, getattr(model, name)
        if isinstance(value, BaseModel):
            tables.append((key, value))
            continue
        if isinstance(value, Mapping) and any(isinstance(each, BaseModel) for each in value.values()):
            tables += [(f"{key}.{inner}", each) for inner, each in value.items()]
            continue
        here = tuple(normalised_key(each) for each in (*place, key))
        default = None if field.default is PydanticUndefined else field.default
        if field.default_factory is not None:
            default = field.get_default(call_default_factory=True, validated_data={})
        yield SettingInForce(
            section=".".join(place),
            key=key,
            value=_text(value),
            is_secret=_is_secret(value) or _is_secret(default) or "secret" in (field.description or ""),
            default=None if _is_secret(default) else _text(default),
            purpose=(field.description or "").strip(),
            origin=_origin_of(here, origins),
        )
    for key, table in tables:
        yield from _settings_below(table, (*place, *key.split(".")), origins)


def _origin_of(here: tuple[str, ...], origins: Origins) -> str | None:
    """Return where a setting was set; of a table, where the first of its keys was."""
    if here in origins:
        return origins[here]
    return next((origin for place, origin in origins.items() if place[: len(here)] == here), None)


def _is_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_is_secret(each) for each in value.values())
    if isinstance(value, tuple | list):
        return any(_is_secret(each) for each in value)
    return isinstance(value, SecretStr)


def _text(value: object) -> str | None:
    """Return a value as a person writes it; None: it is not set. A secret is never written out."""
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, Mapping):
        pairs = (f"{key} = {_text(each)}" for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}"[:MAX_VALUE_CHARS] if value else "{}"
    if isinstance(value, BaseModel):
        return _text({name: each for name, each in value if each is not None})
    if isinstance(value, tuple | list):
        return f"[{', '.join(str(_text(each)) for each in value)}]"[:MAX_VALUE_CHARS]
    return str(value)[:MAX_VALUE_CHARS] or '""'
