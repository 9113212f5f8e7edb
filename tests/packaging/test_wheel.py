"""The wheel: an editable install hides what is missing from it, so it is built, and run from elsewhere."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.packaging.dockerfile import copied, stages
from tests.packaging.here import ROOT, answer

PACKAGES = ("alerts", "cli", "configuration", "crawler", "daemon", "demo", "matching", "storage", "text")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from just the files that the Dockerfile copies, so that one it forgets is missed here."""
    source = tmp_path_factory.mktemp("source")
    for name in copied(stages(ROOT / "Dockerfile")[0]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
        else:
            shutil.copy(ROOT / name, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    built = answer(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("spillwatch-*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel, which sees our dependencies but not this clone."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False)
    installed = answer(*PIP, "--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    assert installed.returncode == 0, installed.stderr
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A path named in a .pth file is searched; the .pth files in it (our editable install) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def _is_source(path: Path) -> bool:
    caches = re.compile(r"\.|__pycache__$")
    return path.is_file() and not any(caches.match(part) for part in path.relative_to(ROOT).parts)


def test_it_holds_every_file_of_every_package(wheel: Path) -> None:
    """Templates, schemas, migrations and the demo's pages are data that no import would miss."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    wanted = {path.relative_to(ROOT).as_posix() for path in paths if _is_source(path)}

    held = set(zipfile.ZipFile(wheel).namelist())

    assert wanted - held == set()


def test_it_holds_nothing_but_the_packages_and_its_own_description(wheel: Path) -> None:
    """Tests, benchmarks and docs stay out: another distribution's `tests` is easily overwritten."""
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_every_command_runs_from_another_folder(elsewhere: Path, tmp_path: Path) -> None:
    """--help imports each command's module, so a module or a library missing from the wheel shows."""
    found = answer(elsewhere / "spillwatch", "--help", cwd=tmp_path)

    assert found.returncode == 0, found.stderr
    assert "demo" in found.stdout


def test_the_packages_come_from_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    """The premise of this module: in that environment the clone is out of sight."""
    code = f"for name in {PACKAGES}: print(__import__(name).__file__)"

    found = answer(elsewhere / "python", "-c", code, cwd=tmp_path).stdout.splitlines()

    assert len(found) == len(PACKAGES)
    assert all(line.startswith(str(elsewhere.parent)) for line in found), found


@pytest.mark.needs("gcc")
def test_the_native_scanner_is_in_it(wheel: Path, elsewhere: Path, tmp_path: Path) -> None:
    """Built on the way, so the wheel is one for this platform; any Python 3 of it can load the library."""
    code = "from matching.scanning.scanner import scanner_engine; print(scanner_engine().told)"

    found = answer(elsewhere / "python", "-c", code, cwd=tmp_path).stdout

    assert found.startswith(f"the native scanner, {elsewhere.parent}")
    assert "-py3-none-linux_" in wheel.name


def test_a_configuration_and_a_database_can_be_made_there(elsewhere: Path, tmp_path: Path) -> None:
    """`init` reads its templates from the wheel, `db upgrade` its migrations."""
    steps = (
        ("init", "conf"),
        ("--config", "conf/spillwatch.toml", "check"),
        ("--config", "conf/spillwatch.toml", "db", "upgrade"),
    )

    found = [answer(elsewhere / "spillwatch", *step, cwd=tmp_path) for step in steps]

    assert [(step.returncode, step.stderr) for step in found if step.returncode] == []
