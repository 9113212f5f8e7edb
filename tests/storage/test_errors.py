"""storage.errors: every error says what it is, and carries a reason."""

import re

import pytest

from storage import errors
from storage.errors import SpillwatchError, StorageError


def tree(root: type[SpillwatchError]) -> list[type[SpillwatchError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


STORAGE_ERRORS = [kind for kind in tree(StorageError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", STORAGE_ERRORS)
def test_the_docstring_is_the_default_message(kind: type[SpillwatchError]) -> None:
    """An error that is raised without a sentence has one."""
    assert str(kind()) == kind.__doc__


def test_reasons_are_slugs_and_unique() -> None:
    """A program that reads our output can tell every error from every other."""
    reasons = [kind.reason for kind in STORAGE_ERRORS]

    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in reasons)


def test_the_tree_in_the_docstring_is_complete() -> None:
    """Whoever reads the module's top has seen every class."""
    assert errors.__doc__
    assert all(kind.__name__ in errors.__doc__ for kind in STORAGE_ERRORS)
