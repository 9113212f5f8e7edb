"""Lays the environment over the systemd credentials over spillwatch.toml, and remembers what came from where.

A setting `x` that has no key `x_file` of its own may be given as `x_file`, the path of a file that holds it,
in every layer: that is how a secret stays out of the configuration, the environment and the process list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from configuration.mistake_messages import Mistake, Schema, did_you_mean

SECRET_LIMIT = 64 * 1024  # bytes of a file that holds one setting
_FILE = "_file"


class _OneVariable(EnvSettingsSource):
    """pydantic-settings' reading of one variable, so that whatever is wrong has its name."""

    def __init__(self, settings: type[BaseSettings], name: str, value: str) -> None:
        self._variable = {name.lower(): value}
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._variable


class SettingLayers:
    """The merged values, the mistakes met while reading them, and where each value came from."""

    def __init__(self, settings: type[BaseSettings], *, file: Path) -> None:
        self._settings = settings
        self._known = _property_names(schema_of(settings))
        self._lists = _property_names(schema_of(settings), kind="array")
        self._file = file
        self._origins: dict[tuple[str, ...], str] = {}
        self.values: dict[str, Any] = {}
        self.mistakes: list[Mistake] = []

    def add_toml(self, table: Mapping[str, Any]) -> None:
        """The configuration file itself, with the files it names read."""
        self.values = self._read_named_files(table, place=())

    def add_credentials(self, folder: Path | None) -> None:
        """systemd's LoadCredential= under the name of the environment variable, in any case."""
        for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
            if path.is_file() and self._is_setting_name(path.name):
                value = self._read_setting(path, named_by=f"credential {path.name}", key="")
                if value is not None:
                    value = self._as_json(path.name.lower().rpartition("__")[2], value)
                    self._add_variable(path.name, value, origin=f"credential {path.name}")

    def add_environment(self, variables: Mapping[str, str]) -> None:
        """SPILLWATCH_SECTION__KEY, and SPILLWATCH_SECTION__KEY_FILE for what is in a file."""
        for name, value in sorted(variables.items()):
            if not self._is_setting_name(name):
                continue
            origin = f"environment variable {name}"
            key = name.lower().rpartition("__")[2]
            if self._names_a_file(key):
                content = self._read_setting(Path(value), named_by=origin, key="")
                if content is None:
                    continue
                name, value = name[: -len(_FILE)], self._as_json(key[: -len(_FILE)], content)
            self._add_variable(name, value, origin=origin)

    def origin(self, place: tuple[str | int, ...]) -> str:
        """What a person has to correct for the value at `place`: the file, a variable, a credential."""
        keys = tuple(_normalised_key(str(segment)) for segment in place)
        starts = (self._origins.get(keys[:length]) for length in range(len(keys), 0, -1))
        return next((origin for origin in starts if origin), str(self._file))

    def _is_setting_name(self, name: str) -> bool:
        prefix = str(self._settings.model_config["env_prefix"]).lower()
        rest = name.lower().removeprefix(prefix)
        return rest != name.lower() and (
            "__" in rest or rest.partition("_")[0] in self._settings.model_fields
        )

    def _add_variable(self, name: str, value: str, *, origin: str) -> None:
        prefix = str(self._settings.model_config["env_prefix"])
        keys = name.lower().removeprefix(prefix.lower()).split("__")
        try:
            found = _OneVariable(self._settings, name, value)()
        except SettingsError:
            self.mistakes.append(
                Mistake(origin, "", "text that is not JSON", 'a JSON value, such as ["a", "b"]')
            )
            return
        if not found:
            sections = list(self._settings.model_fields)
            wanted = f"{prefix}SECTION__KEY with SECTION one of {', '.join(sections)}"
            self.mistakes.append(
                Mistake(origin, "", "an unknown setting", wanted, did_you_mean(keys[0], sections))
            )
            return
        self._origins[tuple(_normalised_key(key) for key in keys)] = origin
        self.values = _merge_tables(self.values, found)

    def _read_named_files(self, table: Mapping[str, Any], *, place: tuple[str, ...]) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in table.items():
            here = (*place, key)
            if isinstance(value, Mapping):
                read[key] = self._read_named_files(value, place=here)
            elif self._names_a_file(key) and isinstance(value, str):
                self._read_setting_file(read, table, here, Path(value))
            else:
                read[key] = value
        return read

    def _read_setting_file(
        self, read: dict[str, Any], table: Mapping[str, Any], here: tuple[str, ...], path: Path
    ) -> None:
        """Replace `x_file` by `x`; both at once are a mistake: one of them would silently not count."""
        key, target, dotted = here[-1], here[-1][: -len(_FILE)], ".".join(here)
        if target in table:
            wanted = f"one of the two, {target} or {key}"
            self.mistakes.append(Mistake(str(self._file), dotted, f"{target} beside it", wanted))
            return
        content = self._read_setting(self._file.parent / path, named_by=str(self._file), key=dotted)
        if content is not None:
            read[target] = content.split() if target in self._lists else content
            self._origins[tuple(_normalised_key(part) for part in (*here[:-1], target))] = str(path)

    def _names_a_file(self, key: str) -> bool:
        return key.endswith(_FILE) and key not in self._known and key[: -len(_FILE)] in self._known

    def _as_json(self, key: str, content: str) -> str:
        """What a file holds as a variable would: a list has an item a line."""
        return json.dumps(content.split()) if key in self._lists else content

    def _read_setting(self, path: Path, *, named_by: str, key: str) -> str | None:
        """The text of a file that holds one setting, without its last line break; None after a mistake."""
        try:
            with path.open("rb") as file:
                text = file.read(SECRET_LIMIT + 1).decode()
        except OSError as error:
            self.mistakes.append(
                Mistake(named_by, key, f"{path}: {error.strerror}", "a file that can be read")
            )
            return None
        except UnicodeDecodeError:
            self.mistakes.append(Mistake(named_by, key, f"{path}, which is not UTF-8", "a text file"))
            return None
        if not text.strip() or len(text) > SECRET_LIMIT:
            what = (
                f"{path}, which is empty"
                if not text.strip()
                else f"{path}, which is larger than {SECRET_LIMIT} bytes"
            )
            self.mistakes.append(Mistake(named_by, key, what, "a file that holds one setting"))
            return None
        return text.rstrip("\r\n")


@cache
def schema_of(settings: type[BaseSettings]) -> Schema:
    """Made once: a command reads its settings more than once, and making it takes longer than the reading."""
    return settings.model_json_schema()


def _normalised_key(key: str) -> str:
    return key.lower().replace("-", "_")


def _merge_tables(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`; a variable cannot hold capitals and hyphens, so keys meet without them."""
    merged = dict(under)
    for key, value in over.items():
        same = next((known for known in under if _normalised_key(known) == _normalised_key(key)), key)
        below = under.get(same)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[same] = _merge_tables(below, value) if both else value  # type: ignore[arg-type]  # `both` narrows them
    return merged


def _property_names(schema: Schema, *, kind: str | None = None) -> frozenset[str]:
    """Every key that any table of the configuration may have, or those of one JSON type."""
    models = (schema, *schema.get("$defs", {}).values())
    properties = [item for model in models for item in model.get("properties", {}).items()]
    return frozenset(name for name, node in properties if kind in (None, node.get("type")))
