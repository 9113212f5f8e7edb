"""Builds the native scanner when Spillwatch is installed; without a C compiler the wheel is a pure one.

hatchling runs this file as its build hook, for a wheel as for an editable install. `CC` names another
compiler; HATCH_BUILD_NO_HOOKS=true leaves the scanner out. Run as a program it builds it beside itself.

With it come the tables of numbering plans (`countries`) and of folds (`fold_tables`), where what they are
made of is installed already.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "scanner.shared"
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
TIMEOUT_S = 300
TABLES = """
from matching.scanning import plan_tables
from text import fold_tables
print(plan_tables.write(), "and", fold_tables.write())
"""


class BuildFailed(Exception):
    """The native scanner was not built; the message says why."""


class NativeBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Says in one line what came of it: pip shows it with --verbose."""
        folder = Path(self.root, "matching", "native")
        try:
            built = build(folder, folder / NAME)
        except BuildFailed as error:
            self.app.display_warning(f"spillwatch: the pure-Python scanner will do: {error}")
            return
        self.app.display_info(f"spillwatch: built {built}; {compute_tables(Path(self.root))}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def build(sources: Path, target: Path, *flags: str) -> Path:
    """Compile all C files of a folder into `target`, which is gone where that fails."""
    draft = target.with_suffix(f".{os.getpid()}.part")  # nobody loads half a library
    try:
        _compile([*compiler(), *FLAGS, *flags, *map(str, sorted(sources.glob("*.c"))), "-o", str(draft)])
    except BuildFailed:
        target.unlink(missing_ok=True)
        raise
    else:
        return draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _compile(command: list[str]) -> None:
    try:
        # The command is `CC` of whoever installs, and our own files.
        done = subprocess.run(  # noqa: S603 - see above
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(f"the C compiler {command[0]} did not run: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise BuildFailed(f"the C compiler {command[0]} failed: {last}")


def compute_tables(root: Path) -> str:
    """In a process of its own, which imports Spillwatch from `root`. Says what came of it."""
    command = [sys.executable, "-c", TABLES]
    try:
        done = subprocess.run(  # noqa: S603 - this Python
            command, cwd=root, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"its tables are computed at run time: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        return f"its tables are computed at run time: {last}"
    return f"built {done.stdout.strip()}"


def compiler() -> list[str]:
    """What `CC` says, else the first one that is here."""
    named = shlex.split(os.environ.get("CC", ""))
    found = named or [name for name in COMPILERS if shutil.which(name)][:1]
    if not found:
        raise BuildFailed(f"no C compiler is here (looked for {', '.join(COMPILERS)})")
    return found


if __name__ == "__main__":
    here = Path(__file__).parent
    try:
        sys.stdout.write(f"built {build(here, here / NAME)}; {compute_tables(here.parent.parent)}\n")
    except BuildFailed as error:
        sys.exit(f"not built: {error}")
