"""The environment of an isolated build, made offline: it holds what `[build-system] requires` names."""

from __future__ import annotations

import re
import sysconfig
import tomllib
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.packaging.here import ROOT, answer


class BuildEnvironment:
    """Links the distributions of the tests' environment into an empty one."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.python = folder / "bin/python"
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        for one in _with_dependencies(project["build-system"]["requires"]):
            _link(one, site)

    def build(self, hook: str, source: Path, target: Path) -> Path:
        """Call `build_sdist` or `build_wheel` (PEP 517) in `source`; return the file that it made."""
        code = f"import sys, hatchling.build; print(hatchling.build.{hook}(sys.argv[1]))"
        built = answer(self.python, "-c", code, target, cwd=source)
        assert built.returncode == 0, built.stderr
        return target / built.stdout.splitlines()[-1]


def _with_dependencies(requirements: list[str]) -> list[Distribution]:
    found: dict[str, Distribution] = {}
    waiting = list(map(Requirement, requirements))
    while waiting:
        one = waiting.pop()
        if one.name not in found and (not one.marker or one.marker.evaluate({"extra": ""})):
            found[one.name] = distribution(one.name)
            waiting += map(Requirement, found[one.name].requires or ())
    return list(found.values())


def _link(one: Distribution, site: Path) -> None:
    here = Path(str(one.locate_file("")))
    for top in {file.parts[0] for file in one.files or ()}:
        if not re.match(r"\.\.|__pycache__", top) and not (site / top).exists():
            (site / top).symlink_to(here / top)
