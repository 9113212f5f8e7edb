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
    "findings.stamp_of": "makes a text of two values",
    "findings.count_findings": "adds up what finding_groups has found",
}
#: Modules with questions that need no view, because everybody who is signed in gets the same answer.
SAME_FOR_ALL = {
    "sources": "sources belong to the installation; what they brought is asked with the view",
    "mutes": "names of sources; the mutes themselves are asked with the view",
    "deliveries": "the caller names the channels whose settings the person may see",
}
#: The same for single questions.
NO_VIEW_NEEDED = {"findings.latest_change": "a moment that is shown to nobody"}


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
        if module in SAME_FOR_ALL:
            continue
        for node in ast.parse((FOLDER / f"{module}.py").read_text()).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            name = f"{module}.{node.name}"
            if "view" not in used and name not in NO_QUESTIONS and name not in NO_VIEW_NEEDED:
                blind.append(f"{module}.{node.name}")

    assert blind == []
