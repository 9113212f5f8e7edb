"""storage.errors: every error has a message and a reason."""

import re

import pytest

from storage import errors
from storage.errors import SpillwatchError, StorageError


def tree(root: type[SpillwatchError]) -> list[type[SpillwatchError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


STORAGE_ERRORS = [kind for kind in tree(StorageError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", STORAGE_ERRORS)
def test_the_docstring_is_the_default_message(kind: type[SpillwatchError]) -> None:
    """An error that is raised without a message has its docstring."""
    assert str(kind()) == kind.__doc__


def test_reasons_are_slugs_and_unique() -> None:
    """Every error has a different slug, by which programs recognise it."""
    reasons = [kind.reason for kind in STORAGE_ERRORS]

    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in reasons)


def test_the_tree_in_the_docstring_is_complete() -> None:
    """The tree in the module's docstring has every class."""
    assert errors.__doc__
    assert all(kind.__name__ in errors.__doc__ for kind in STORAGE_ERRORS)
