"""What an installation builds: the native library and the tables, and what happens where one is missing."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from matching.native.library import LibraryMissing, load_library
from matching.scanning.plan_tables import read_plans
from setup.fold_images import mention_images, narrow_images
from setup.native_library import SOURCES, NotCompiled, compile_library
from setup.phone_automata import country_automaton, home_automaton
from setup.phone_rows import compiled_plan
from setup.table_files import packed_images
from tests.packaging.dockerfile import copied, stages
from tests.packaging.here import ROOT, answer
from text.fold_tables import fold_images
from text.installed_tables import TablesMissing, read_tables

TABLES = {"text/folds.tables", "matching/scanning/plans.tables"}
PIP_WHEEL = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
DAMAGED = [None, b"", b"PK not an archive", b"text"]


@pytest.mark.parametrize(
    ("choice", "tables"), [({"CC": "no-such-compiler"}, TABLES), ({"HATCH_BUILD_NO_HOOKS": "true"}, set())]
)
def test_without_a_compiler_the_wheel_is_for_every_platform(
    tmp_path: Path, choice: dict[str, str], tables: set[str]
) -> None:
    """It has the tables, which the scanner in Python reads as well; without the build hook it has neither."""
    source = tmp_path / "source"
    built_before = shutil.ignore_patterns("*.shared", "*.tables", "*.part", "__pycache__")
    for name in copied(stages(ROOT / "Dockerfile")[0]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=built_before)
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, source / name)

    built = answer(*PIP_WHEEL, "--wheel-dir", tmp_path / "wheels", source, env={**os.environ, **choice})

    assert built.returncode == 0, built.stderr
    [wheel] = (tmp_path / "wheels").iterdir()
    held = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert {name for name in held if name.endswith((".shared", ".tables"))} == tables


@pytest.mark.needs("gcc")
def test_a_source_that_does_not_compile_says_why_and_leaves_no_library(tmp_path: Path) -> None:
    """A library from an earlier build belongs to other sources, so it is removed."""
    (tmp_path / "broken.c").write_text("int broken(")
    (tmp_path / "scanner.shared").write_text("from an earlier build")

    with pytest.raises(NotCompiled, match=r"compiler \S+ failed: "):
        compile_library(tmp_path, tmp_path / "scanner.shared")

    assert [path.name for path in tmp_path.iterdir()] == ["broken.c"]


@pytest.mark.needs("gcc")
def test_a_library_with_another_interface_is_refused(tmp_path: Path) -> None:
    """It may belong to another version of Spillwatch; the scanner in Python is used instead."""
    functions = ("new", "free", "scan", "count", "tape_length", "take")
    lines = [f"void sw_{name}(void) {{}}" for name in functions]
    public = "#pragma GCC visibility push(default)"
    (tmp_path / "other.c").write_text("\n".join([public, "unsigned sw_abi(void) { return 999; }", *lines]))
    path = compile_library(tmp_path, tmp_path / "scanner.shared")

    with pytest.raises(LibraryMissing, match=r"interface 999"):
        load_library(path)


@pytest.mark.needs("gcc")
def test_the_sources_compile_without_a_warning(tmp_path: Path) -> None:
    """Under every warning that is worth its noise."""
    flags = ("-Werror", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-pedantic")

    assert compile_library(SOURCES, tmp_path / "scanner.shared", *flags).exists()


def test_an_installation_brings_the_numbering_plans_compiled() -> None:
    """The file holds what the plans of the installed release of phonenumbers compile to."""
    brought = read_plans()

    assert len(brought) > 400
    compiled = {code: compiled_plan(country_automaton(code)) for code in ("1", "39", "54", "86")}
    compiled |= {region: compiled_plan(home_automaton(region)) for region in ("CA", "CN", "DE", "IT")}
    for name, plan in compiled.items():
        assert [column.tolist() for column in brought[name]] == [column.tolist() for column in plan]


def test_an_installation_brings_the_folds_computed() -> None:
    """The file holds the images that the rules of the folds give."""
    computed = {"mention": packed_images(mention_images()), "narrow": packed_images(narrow_images())}

    for name, images in computed.items():
        assert [each.tolist() for each in fold_images(name)] == [each.tolist() for each in images]


@pytest.mark.parametrize("content", DAMAGED)
def test_tables_that_cannot_be_read_are_an_error_that_says_what_to_do(
    tmp_path: Path, content: bytes | None
) -> None:
    """Missing, empty, damaged or of another format: the message names the file and the way out."""
    path = tmp_path / "folds.tables"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(TablesMissing, match=r"folds\.tables.*Install Spillwatch again"):
        read_tables(path)


@pytest.mark.parametrize("content", DAMAGED)
def test_without_readable_plans_there_are_none(tmp_path: Path, content: bytes | None) -> None:
    """The scanner asks Python about each number then."""
    path = tmp_path / "plans.tables"
    if content is not None:
        path.write_bytes(content)

    assert read_plans(path) == {}


def test_plans_of_another_release_of_phonenumbers_are_not_used(tmp_path: Path) -> None:
    """That release may decide otherwise about a number."""
    path = tmp_path / "plans.tables"
    with path.open("wb") as file:
        np.savez(file, phonenumbers=np.array("1.0"), names=np.array(["CN"]))

    assert read_plans(path) == {}
