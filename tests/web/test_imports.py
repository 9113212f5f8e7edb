"""What the console takes from storage: what may be seen, from storage.visible; else nothing that reads."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import web

#: Modules of storage whose functions are about who asks, or only write, and why no view is needed.
WHOLE = {
    "storage.users": "who asks, and the roles that the view is made of",
    "storage.invitations": "there is nobody yet: the link's token decides",
    "storage.second_factors": "factors of the person who asks or signs in",
    "storage.sign_in_limits": "there is nobody yet",
    "storage.service_tokens": "who asks",
    "storage.oidc": "who asks, by the provider's subject",
    "storage.audit_log": "writes; a page reads it through storage.visible",
    "storage.api_answers": "answers to repeated requests of the one who asks",
    "storage.saved_searches": "writes the person's own searches",
    "storage.triage": "writes about a finding that storage.visible gave",
    "storage.evidence.digest": "keys of the installation",
}
#: Further functions that web/ may call, and why.
ALLOWED = {
    "storage.database.columns.dump_json": "reads no row",
    "storage.companies.company_by_slug": "the company for which the configuration gives a role",
    "storage.companies.add_company": "writes, for admins of the installation",
    "storage.companies.change_company": "writes about a company that storage.visible gave and locked",
    "storage.companies.put_terms": "writes about a company that storage.visible gave and locked",
    "storage.companies.set_company_active": "writes about a company that storage.visible gave and locked",
    "storage.companies.withdraw_term": "writes about a term that storage.visible gave",
    "storage.deliveries.retry_failed": "makes deliveries due again that storage.visible gave",
    "storage.sources.add_source": "writes, for admins of the installation",
    "storage.sources.change_source": "writes about a source that storage.visible gave and locked",
    "storage.nodes.node_state": "reads no row",
    "storage.mutes.end_mute": "writes about a mute that storage.visible gave",
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

    used = {name for name in used if name.rpartition(".")[0] not in WHOLE}

    assert used - set(ALLOWED) == set()
    assert set(ALLOWED) - used == set()
