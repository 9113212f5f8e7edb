"""One name per thing: no two public classes share a name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.product import PACKAGES

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
