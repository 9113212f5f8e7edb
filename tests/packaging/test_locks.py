"""The lock files are complete, have hashes, and agree with each other and with pyproject.toml."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.here import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")


def _blocks(name: str) -> dict[str, str]:
    """Return the requirement lines of a lock by package: "idna==3.20", with marker and hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "--"))]
    return {re.split(r"[=;\[ ]", line, maxsplit=1)[0]: line for line in lines}


def _versions(name: str) -> dict[str, str]:
    return {package: line.partition("==")[2].split()[0] for package, line in _blocks(name).items()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes(lock: str) -> None:
    """pip refuses the whole file where a hash is missing; this test names the pin."""
    assert [name for name, line in _blocks(lock).items() if "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_header_names_the_command_that_makes_it(lock: str) -> None:
    """The header has no path of the machine that made the lock."""
    header = [line for line in (ROOT / lock).read_text().splitlines() if line.startswith("#")]

    assert header[1:] == ["#    make lock"]


def test_the_tests_run_with_what_the_image_holds() -> None:
    """Each pin of the runtime lock has the same version in the developers' lock."""
    runtime, dev = _versions(LOCKS[0]), _versions(LOCKS[1])

    assert {name: dev.get(name) for name in runtime} == runtime


def test_the_locks_satisfy_pyproject() -> None:
    """This test names a dependency that was added or raised without `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        LOCKS[0]: project["dependencies"] + extras["install"],
        LOCKS[1]: project["dependencies"] + extras["install"] + extras["dev"],
    }

    for lock, requirements in wanted.items():
        versions = _versions(lock)
        for requirement in map(Requirement, requirements):
            found = versions.get(canonicalize_name(requirement.name))
            assert found, f"{requirement} is missing in {lock}: run make lock"
            assert requirement.specifier.contains(found), (
                f"{lock} has {found}, not {requirement}: run make lock"
            )


def test_an_isolated_build_and_an_installation_compile_the_same_numbering_plans() -> None:
    """The plans in a wheel are used with the release of phonenumbers that they were compiled from only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build, run = project["build-system"]["requires"], project["project"]["dependencies"]
    [pin] = [each for each in build if each.startswith("phonenumbers")]

    assert "==" in pin
    assert pin in run


def test_a_build_without_isolation_has_what_an_isolated_one_has() -> None:
    """`make` and the image build with what the lock files install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["install"]

    assert set(project["build-system"]["requires"]) <= set(installed)
