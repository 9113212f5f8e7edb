"""One name per thing, and names in strings that exist."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.product import PACKAGES

#: Strings that only look like a module: a file's name, a column.
NOT_MODULES = {"daemon.log", "alerts.id", "crawler.tor_proxy"}
#: A name that two classes bear although they are different things, and why.
EXCEPTIONS: dict[str, str] = {}


def _public_classes(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name[0] != "_"}


def test_no_two_public_classes_share_a_name() -> None:
    """Whoever searches for a class finds one."""
    modules = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in _public_classes(path):
                modules[name].add(path.relative_to(ROOT).as_posix())

    shared = {name: sorted(paths) for name, paths in modules.items() if len(paths) > 1}

    assert set(EXCEPTIONS) == set(shared), shared


def _dotted_strings() -> dict[str, str]:
    """Return strings such as "crawler.storing.capture.CaptureMiddleware", and the file of each."""
    dotted = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and dotted.fullmatch(str(node.value)):
                    found[str(node.value)] = path.relative_to(ROOT).as_posix()
    return found


def _exists(name: str) -> bool:
    module, _, last = name.rpartition(".")
    try:
        return hasattr(import_module(module), last) or bool(import_module(name))
    except ImportError:
        return False


def test_what_a_string_names_exists() -> None:
    """A renamed class or module that a setting still names by its old name would stop every run."""
    named = _dotted_strings()

    missing = {f"{named[name]}: {name}" for name in named.keys() - NOT_MODULES if not _exists(name)}

    assert not missing, ", ".join(sorted(missing))
