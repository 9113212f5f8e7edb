"""The demo's folder, with the configuration that a user would write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from jinja2 import Environment, StrictUndefined

_templates = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - TOML


@dataclass(frozen=True, slots=True)
class Workspace:
    folder: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "spillwatch.toml"

    def write(self, addresses: Mapping[str, object]) -> None:
        """Write the TOML files. `addresses` has a value for each placeholder in them."""
        _render_folder(files("demo") / "config", self.folder, addresses)


def _render_folder(source: Traversable, target: Path, values: Mapping[str, object]) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _render_folder(entry, target / entry.name, values)
        elif entry.name.endswith(".toml"):
            text = _templates.from_string(entry.read_text(encoding="utf-8")).render(values)
            (target / entry.name).write_text(text, encoding="utf-8")
