"""No question of the console can forget whose eyes it is asked for."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

from sqlalchemy.orm import Session

import storage.visible
from storage.visible.visibility import Visibility

FOLDER = Path(storage.visible.__path__[0])
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "visibility"))
#: Public functions that ask the database nothing.
NO_QUESTIONS = {
    "findings.count_findings": "adds up what finding_groups has found",
    "findings.stamp_of": "makes a text of two values",
    "paging.comes_after": "makes a condition",
    "paging.in_order": "makes an order",
}
#: Questions whose answer is the same for everybody who is signed in.
FOR_EVERYBODY = {
    "companies.is_taken": "whether a slug is taken, for admins of the installation",
    "deliveries.channel_states": "the state of channels; the page shows them to the installation only",
    "deliveries.tested_delivery": "a test message, which tells of nobody",
    "sources.source_names": "names of sources",
    "sources.state_counts": "counts of sources",
    "sources.source_named": "a source",
    "sources.is_name_taken": "a name of a source",
    "sources.newest_runs": "runs of a source",
    "sources.health_changes": "the health of a source",
    "findings.latest_change": "a moment that is shown to nobody",
    "watched.sources_by_name": "sources",
    "watched.runs_of_source": "runs of a source",
}


def test_every_question_takes_a_session_and_a_view() -> None:
    """Each public function of storage.visible begins with (session, view: Visibility)."""
    wrong = []
    for module in MODULES:
        found = import_module(f"storage.visible.{module}")
        for name, function in inspect.getmembers(found, inspect.isfunction):
            if name.startswith("_") or function.__module__ != found.__name__:
                continue
            if f"{module}.{name}" in NO_QUESTIONS:
                continue
            parameters = list(inspect.signature(function, eval_str=True).parameters.values())[:2]
            if [each.name for each in parameters] != ["session", "view"] or [
                each.annotation for each in parameters
            ] != [Session, Visibility]:
                wrong.append(f"{module}.{name}")

    assert wrong == []


def test_every_question_uses_its_view() -> None:
    """Each public function looks at its view, or gives it to one that does."""
    blind = []
    for module in MODULES:
        for node in ast.parse((FOLDER / f"{module}.py").read_text()).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            name = f"{module}.{node.name}"
            if "view" not in used and name not in NO_QUESTIONS:
                blind.append(name)

    assert set(blind) == set(FOR_EVERYBODY)
