"""What the console takes from storage: what may be seen, from storage.visible; else nothing that reads."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import web

#: Functions of other modules of storage that web/ may call, and why.
ALLOWED = {
    "storage.users.session_of_token": "says who asks: there is no view yet",
    "storage.users.note_seen": "writes the person's own session",
    "storage.users.grants_of": "the roles of the person who asks: the view is made of them",
    "storage.service_tokens.row_of_token": "says who asks: there is no view yet",
    "storage.service_tokens.note_token_used": "writes the token's own row",
    "storage.audit_log.write_entry": "writes the entry of the audit log",
    "storage.nodes.node_state": "names the state of a row of a node that was read already",
    "storage.triage.change_state": "writes: a finding's state and its event",
    "storage.triage.assign_owner": "writes: a finding's owner and its act",
    "storage.triage.add_label": "writes: a finding's label",
    "storage.triage.remove_label": "writes: a finding's label",
    "storage.triage.labels_of": "of a finding that is locked: it may be seen",
    "storage.users.sessions_in_use": "says which open pages still have a person",
    "storage.users.set_preference": "writes the person's own preferences",
}


def _functions_of_storage(path: Path) -> set[str]:
    """Return the functions of storage outside of storage.visible that a module takes or calls."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "storage":
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if _is_module(module):
                    modules[alias.asname or alias.name] = module
                else:
                    found.add(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found.add(f"{modules[node.value.id]}.{node.attr}")
    return {name for name in found if not name.startswith("storage.visible.") and _is_function(name)}


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _is_function(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return inspect.isfunction(getattr(import_module(module), last, None))


def test_pages_read_rows_from_storage_visible_only() -> None:
    """Every function of storage that web/ uses is in storage.visible, or has a reason above."""
    used = set()
    for path in Path(web.__path__[0]).rglob("*.py"):
        used |= _functions_of_storage(path)

    assert used - set(ALLOWED) == set()
    assert set(ALLOWED) - used == set()
