"""Pages that walk through the code name files that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

PAGES = ("docs/internals.md", "docs/contributing.md", "docs/architecture.md")
# A path of the repository: begins with a folder of its top level. Placeholders in <> are not paths.
FOLDERS = "|".join(sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."))
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")
BUILT = {"text/folds.tables", "matching/scanning/plans.tables"}  # by the installation


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    """A reader finds each file that a walk or a recipe names."""
    named = set(PATH.findall((ROOT / page).read_text()))

    missing = {path for path in named - BUILT if not (ROOT / path).exists()}

    assert not missing, ", ".join(sorted(missing))
