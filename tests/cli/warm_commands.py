"""The imports of the warm process: every command, as its first call imports it (see tests.cli.warm_start)."""

from __future__ import annotations

from importlib import import_module

from cli.main import COMMANDS
from daemon import process_start

process_start.before_imports()
for name in COMMANDS:
    import_module(f"cli.commands.{name}")
import_module("tests.cli.warm_start")
