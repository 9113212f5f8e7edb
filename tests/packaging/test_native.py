"""The build of the native scanner: what an installation without a compiler has, and what is refused."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from matching.identifiers.phone_tables import country_table, home_table
from matching.native.build import BuildFailed, build
from matching.native.library import LibraryMissing, load_library
from matching.scanning import plan_tables
from matching.scanning.phone_rows import compiled
from tests.packaging.here import ROOT, answer
from text import fold_tables, installed_tables
from text.fold_images import mention_images, narrow_images
from text.fold_tables import Images, fold_images

SOURCES = ROOT / "matching" / "native"
PIP = (
    sys.executable,
    "-m",
    "pip",
    "--disable-pip-version-check",
    "wheel",
    "--no-deps",
    "--no-build-isolation",
)


@pytest.mark.parametrize("choice", [{"CC": "no-such-compiler"}, {"HATCH_BUILD_NO_HOOKS": "true"}])
def test_without_a_compiler_the_wheel_is_pure(tmp_path: Path, choice: dict[str, str]) -> None:
    """None, or the choice not to use it: the installation goes on, with a wheel for every platform."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for package in ("alerts", "cli", "crawler", "matching", "storage"):
        (tmp_path / package).mkdir()
    built_before = shutil.ignore_patterns("*.shared", "*.part")
    shutil.copytree(SOURCES, tmp_path / "matching/native", ignore=built_before)

    built = answer(*PIP, "--wheel-dir", tmp_path / "wheels", tmp_path, env={**os.environ, **choice})

    assert built.returncode == 0, built.stderr
    [wheel] = (tmp_path / "wheels").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".shared")]


@pytest.mark.needs("gcc")
def test_a_source_that_does_not_compile_says_why_and_leaves_no_library(tmp_path: Path) -> None:
    """A library of before would be of other sources: it goes."""
    (tmp_path / "broken.c").write_text("int broken(")
    (tmp_path / "scanner.shared").write_text("of before")

    with pytest.raises(BuildFailed, match=r"compiler \S+ failed: "):
        build(tmp_path, tmp_path / "scanner.shared")

    assert [path.name for path in tmp_path.iterdir()] == ["broken.c"]


@pytest.mark.needs("gcc")
def test_a_library_with_another_interface_is_refused(tmp_path: Path) -> None:
    """It may be of another version of Spillwatch; the reference takes over, and `doctor` tells the reason."""
    functions = ("new", "free", "scan", "count", "tape_length", "take")
    lines = [f"void sw_{name}(void) {{}}" for name in functions]
    public = "#pragma GCC visibility push(default)"
    (tmp_path / "other.c").write_text("\n".join([public, "unsigned sw_abi(void) { return 999; }", *lines]))
    path = build(tmp_path, tmp_path / "scanner.shared")

    with pytest.raises(LibraryMissing, match="interface 999, wanted"):
        load_library(path)


@pytest.mark.needs("gcc")
def test_the_sources_compile_without_a_warning(tmp_path: Path) -> None:
    """Under every warning that is worth its noise."""
    flags = ("-Werror", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-pedantic")

    assert build(SOURCES, tmp_path / "scanner.shared", *flags).exists()


@pytest.mark.needs("gcc")
def test_an_installation_brings_the_numbering_plans_compiled() -> None:
    """A `match` does not begin with a second of work that each one would do again."""
    brought = plan_tables.read()

    assert len(brought) > 400
    tables = {code: country_table(code) for code in ("1", "39", "54", "86")}
    tables |= {region: home_table(region) for region in ("CA", "CN", "DE", "IT")}
    for name, table in tables.items():
        assert [each.tolist() for each in compiled(table)] == [each.tolist() for each in brought[name]]


@pytest.mark.needs("gcc")
def test_an_installation_brings_the_folds_computed() -> None:
    """What becomes of each character is read, and is what would be computed where the file is missing."""
    computed = {"mention": Images.of(mention_images()), "narrow": Images.of(narrow_images())}

    brought = installed_tables.read_tables(fold_tables.PATH, made_of=fold_tables.made_of())

    assert len(brought) == 7
    for name, made in computed.items():
        assert [each.tolist() for each in fold_images(name)] == [each.tolist() for each in made]


@pytest.mark.parametrize("content", [None, b"", b"PK no archive", "of another release"])
def test_a_file_of_numbering_plans_that_is_not_ours_is_as_good_as_none(
    tmp_path: Path, content: bytes | str | None
) -> None:
    """Missing, damaged, or made by another release of phonenumbers: the tables are compiled instead."""
    path = tmp_path / "plan_tables.tables"
    if isinstance(content, str):
        with path.open("wb") as file:
            np.savez(file, made_of=np.array(content))
    elif content is not None:
        path.write_bytes(content)

    assert plan_tables.read(path) == {}
