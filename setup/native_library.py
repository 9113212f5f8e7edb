"""Compiles the native scanner. `CC` names another compiler than the first of COMPILERS that is found."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
TIMEOUT_S = 300
SOURCES = Path(__file__).parent.parent / "matching" / "native"
LIBRARY = SOURCES / "scanner.shared"


class NotCompiled(Exception):
    """The native library was not built; the message says why."""


def compile_library(sources: Path, target: Path, *flags: str) -> Path:
    """Compile all C files of a folder into `target`. Raises NotCompiled, and removes `target` then: a
    library from an earlier build belongs to other sources.
    """
    draft = target.with_suffix(f".{os.getpid()}.part")  # so that nobody loads half a library
    try:
        _run([*compiler(), *FLAGS, *flags, *map(str, sorted(sources.glob("*.c"))), "-o", str(draft)])
    except NotCompiled:
        target.unlink(missing_ok=True)
        raise
    else:
        return draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _run(command: list[str]) -> None:
    try:
        # The command is the installing user's `CC` and our own files.
        done = subprocess.run(  # noqa: S603 - see above
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotCompiled(f"the C compiler {command[0]} did not run: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise NotCompiled(f"the C compiler {command[0]} failed: {last}")


def compiler() -> list[str]:
    """Return the command of the C compiler. Raises NotCompiled where none is found."""
    named = shlex.split(os.environ.get("CC", ""))
    found = named or [name for name in COMPILERS if shutil.which(name)][:1]
    if not found:
        raise NotCompiled(f"found no C compiler (looked for {', '.join(COMPILERS)}); install one of them")
    return found
