"""The wheel, built and run in another folder: an editable install would hide what is missing in it."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tarfile
import venv
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.docs.product import PACKAGES
from tests.packaging.build_environment import BuildEnvironment
from tests.packaging.dockerfile import copied, stages
from tests.packaging.here import ROOT, answer

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
BUILT = ("*.shared", "*.tables", "*.part")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> BuildEnvironment:
    return BuildEnvironment(tmp_path_factory.mktemp("isolated"))


@pytest.fixture(scope="module")
def wheel(environment: BuildEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `uv build` does it: an sdist first, the wheel from the sdist, both in isolation.

    The sources are just the files that the Dockerfile copies, so that one it forgets is missed here.
    """
    source, unpacked, built = map(tmp_path_factory.mktemp, ("source", "unpacked", "built"))
    for name in copied(stages(ROOT / "Dockerfile")[0]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*BUILT, "__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    shutil.unpack_archive(environment.build("build_sdist", source, built), unpacked, filter="data")
    [root] = unpacked.iterdir()
    return environment.build("build_wheel", root, built)


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel, which has our dependencies but not this clone."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False)
    installed = answer(*PIP, "--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    assert installed.returncode == 0, installed.stderr
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # Python searches a folder that a .pth file names, but ignores .pth files in it (our editable install).
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def _is_source(path: Path) -> bool:
    caches = re.compile(r"\.|__pycache__$")
    return path.is_file() and not any(caches.match(part) for part in path.relative_to(ROOT).parts)


def test_it_holds_every_file_of_every_package(wheel: Path) -> None:
    """No import would notice missing templates, schemas, migrations or pages of the demo."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    wanted = {path.relative_to(ROOT).as_posix() for path in paths if _is_source(path)}

    held = set(zipfile.ZipFile(wheel).namelist())

    assert wanted - held == set()


def test_it_holds_nothing_but_the_packages_and_its_own_description(wheel: Path) -> None:
    """Tests, benchmarks and docs stay out: `tests` could overwrite that of another distribution."""
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_every_command_runs_from_another_folder(elsewhere: Path, tmp_path: Path) -> None:
    """--help imports each command's module, so a missing module or library is noticed."""
    found = answer(elsewhere / "spillwatch", "--help", cwd=tmp_path)

    assert found.returncode == 0, found.stderr
    assert "demo" in found.stdout


def test_the_packages_come_from_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    """No package in that environment comes from the clone."""
    code = f"for name in {PACKAGES}: print(__import__(name).__file__)"

    found = answer(elsewhere / "python", "-c", code, cwd=tmp_path).stdout.splitlines()

    assert len(found) == len(PACKAGES)
    assert all(line.startswith(str(elsewhere.parent)) for line in found), found


@pytest.mark.needs("gcc")
def test_the_native_scanner_and_its_tables_are_in_it(wheel: Path, elsewhere: Path, tmp_path: Path) -> None:
    """The wheel is for this platform, and a start reads both tables instead of computing anything."""
    code = """
from matching.native.library import load_library
from matching.scanning.plan_tables import PATH, read_plans
from text.fold_tables import fold_images
print(load_library().path, PATH, len(read_plans()), len(fold_images("mention").points), sep="\\n")
"""

    *paths, plans, folds = answer(elsewhere / "python", "-c", code, cwd=tmp_path).stdout.splitlines()

    assert "-py3-none-linux_" in wheel.name
    assert all(path.startswith(str(elsewhere.parent)) for path in paths), paths
    assert int(plans) > 400
    assert int(folds) > 4000


def test_an_sdist_holds_sources_and_the_makers_of_the_tables_only(
    environment: BuildEnvironment, tmp_path: Path
) -> None:
    """What was built on this machine stays out: it may belong to another platform, or be out of date."""
    with tarfile.open(environment.build("build_sdist", ROOT, tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert "setup/build_hook.py" in names
    assert "matching/native/scanner.c" in names
    assert {name for name in names if any(fnmatch(name, pattern) for pattern in BUILT)} == set()


def test_a_configuration_and_a_database_can_be_made_there(elsewhere: Path, tmp_path: Path) -> None:
    """`init` reads its templates from the wheel, `db upgrade` its migrations."""
    steps = (
        ("init", "conf"),
        ("--config", "conf/spillwatch.toml", "check"),
        ("--config", "conf/spillwatch.toml", "db", "upgrade"),
    )

    found = [answer(elsewhere / "spillwatch", *step, cwd=tmp_path) for step in steps]

    assert [(step.returncode, step.stderr) for step in found if step.returncode] == []
