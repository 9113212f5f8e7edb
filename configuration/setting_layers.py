"""Merges spillwatch.toml, systemd credentials and the environment, and remembers where each value came from.

In every layer, a setting `x` can be given as `x_file`, the path of a file that contains the value, unless
`x_file` is a setting of its own. So secrets need not be in the configuration, environment or process list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from configuration.mistake_messages import UNFITTING, Mistake, Schema, did_you_mean

SECRET_LIMIT = 64 * 1024  # maximum bytes of a file that contains one setting
_FILE = "_file"
#: What other programs replace by a variable's value: ${NAME}, $NAME_OF_IT, {{ NAME }}, %(NAME)s.
PLACEHOLDER = re.compile(r"\$\{\w+\}|\$[A-Z][A-Z0-9]*_[A-Z0-9_]+|\{\{[^{}]*\}\}|%\(\w+\)s")


class _OneVariable(EnvSettingsSource):
    """Lets pydantic-settings read one variable at a time, so that a mistake can name the variable."""

    def __init__(self, settings: type[BaseSettings], name: str, value: str) -> None:
        self._variable = {name.lower(): value}
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._variable


class SettingLayers:
    """The merged values, the mistakes found while reading them, and the origin of each value."""

    def __init__(self, settings: type[BaseSettings], *, file: Path) -> None:
        self._settings = settings
        self._known = _property_names(schema_of(settings))
        self._lists = _property_names(schema_of(settings), kind="array")
        self._file = file
        self._origins: dict[tuple[str, ...], str] = {}
        self.values: dict[str, Any] = {}
        self.mistakes: list[Mistake] = []
        #: Table and key of each setting whose file could not be read.
        self.unread: set[tuple[str, str]] = set()

    def follows_from_unread(self, mistake: Mistake) -> bool:
        """Return whether a mistake says that something is missing whose file could not be read."""
        return any(
            mistake.key == f"{table}.{key}" or (mistake.key == table and mistake.found == UNFITTING)
            for table, key in self.unread
        )

    def add_toml(self, table: Mapping[str, Any]) -> None:
        """Add the configuration file, and read the files that its `*_file` keys name."""
        self.values = self._read_named_files(table, place=())

    def add_credentials(self, folder: Path | None) -> None:
        """Add systemd's credentials that are named like environment variables, in upper or lower case."""
        for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
            if path.is_file() and self._is_setting_name(path.name):
                value = self._read_setting(path, named_by=f"credential {path.name}", key="")
                if value is not None:
                    value = self._as_json(path.name.lower().rpartition("__")[2], value)
                    self._add_variable(path.name, value, origin=f"credential {path.name}")

    def add_environment(self, variables: Mapping[str, str]) -> None:
        """Add the variables SPILLWATCH_SECTION__KEY and SPILLWATCH_SECTION__KEY_FILE."""
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
        """Return where the value at `place` came from: the path of a file, a variable or a credential."""
        keys = tuple(normalised_key(str(segment)) for segment in place)
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
        self._origins[tuple(normalised_key(key) for key in keys)] = origin
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
                self._check_placeholder(value, here)
                read[key] = value
        return read

    def _check_placeholder(self, value: object, here: tuple[str, ...]) -> None:
        """A placeholder of another program would be taken as it is: the password would be "${PASSWORD}"."""
        if not isinstance(value, str) or not PLACEHOLDER.fullmatch(value):
            return
        variable = str(self._settings.model_config["env_prefix"]) + "__".join(here).upper().replace("-", "_")
        self.mistakes.append(
            Mistake(
                str(self._file),
                ".".join(here),
                "a placeholder for a variable, which nothing replaces",
                f"the value itself; or remove the key and set the environment variable {variable} (with "
                "_FILE at its end: the path of a file with the value)",
            )
        )

    def _read_setting_file(
        self, read: dict[str, Any], table: Mapping[str, Any], here: tuple[str, ...], path: Path
    ) -> None:
        """Replace `x_file` by `x`. Giving both is a mistake, because one would be ignored silently."""
        key, target, dotted = here[-1], here[-1][: -len(_FILE)], ".".join(here)
        if target in table:
            found = f"both {target} and {key}"
            self.mistakes.append(Mistake(str(self._file), dotted, found, "only one of them"))
            return
        content = self._read_setting(
            self._file.parent / path.expanduser(), named_by=str(self._file), key=dotted
        )
        if content is None:
            self.unread.add((".".join(here[:-1]), target))
        else:
            read[target] = content.split() if target in self._lists else content
            self._origins[tuple(normalised_key(part) for part in (*here[:-1], target))] = str(path)

    def _names_a_file(self, key: str) -> bool:
        return key.endswith(_FILE) and key not in self._known and key[: -len(_FILE)] in self._known

    def _as_json(self, key: str, content: str) -> str:
        """Return a file's content as the text of a variable. A list has one item per line."""
        return json.dumps(content.split()) if key in self._lists else content

    def _read_setting(self, path: Path, *, named_by: str, key: str) -> str | None:
        """Return the text of a file with one setting, without trailing line breaks. None: a mistake."""
        try:
            with path.open("rb") as file:
                text = file.read(SECRET_LIMIT + 1).decode("utf-8-sig")
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
            self.mistakes.append(Mistake(named_by, key, what, "a file with the value of one setting"))
            return None
        return text.rstrip("\r\n")


@cache
def schema_of(settings: type[BaseSettings]) -> Schema:
    """Return the JSON schema of the settings.

    Cached: a command reads its settings more than once, and building the schema takes longer than reading.
    """
    return settings.model_json_schema()


def normalised_key(key: str) -> str:
    """Return a key as it is compared: the name of a variable has neither case nor "-"."""
    return key.lower().replace("-", "_")


def _merge_tables(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with the values of `over`. Keys match without case, and "-" matches "_": the name of a
    variable cannot express either.
    """
    merged = dict(under)
    for key, value in over.items():
        same = next((known for known in under if normalised_key(known) == normalised_key(key)), key)
        below = under.get(same)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[same] = _merge_tables(below, value) if both else value  # type: ignore[arg-type]  # `both` narrows them
    return merged


def _property_names(schema: Schema, *, kind: str | None = None) -> frozenset[str]:
    """Return every key that any table of the configuration can have, or only those of one JSON type."""
    models = (schema, *schema.get("$defs", {}).values())
    properties = [item for model in models for item in model.get("properties", {}).items()]
    return frozenset(name for name, node in properties if kind in (None, node.get("type")))
