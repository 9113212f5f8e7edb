"""The native scanner under a fuzzer: it uses its own memory only, and its results are well-formed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from setup.native_library import compiler
from tests.matching.scanning.fuzz.rules import header
from tests.packaging.here import ROOT

SECONDS = 20
FUZZ = Path(__file__).parent / "fuzz"
CORPUS = Path(__file__).parent / "corpus"
NATIVE = ROOT / "matching" / "native"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

pytestmark = pytest.mark.needs("gcc")


def _compiled(folder: Path, with_compiler: str, *flags: str, driver: bool) -> Path | None:
    """Return the target as a program; None where the compiler or the libraries of the flags are missing."""
    if shutil.which(with_compiler) is None:
        return None
    (folder / "rules.h").write_text(header("CN"))
    sources = [*NATIVE.glob("*.c"), FUZZ / "target.c", *([FUZZ / "driver.c"] if driver else [])]
    program = folder / "target"
    options = ("-std=c11", "-g", "-O1", *flags, f"-I{NATIVE}", f"-I{folder}", "-o", str(program))
    command = [with_compiler, *options, *map(str, sources)]
    return program if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None


def _target(folder: Path) -> list[str]:
    """Return the command: libFuzzer where clang has it, else the driver; sanitizers where there are any."""
    (folder / "found").mkdir()
    bounds = ("-seed=1", f"-max_total_time={SECONDS}", "-max_len=4096")
    if program := _compiled(folder, "clang", "-fsanitize=fuzzer", *SANITIZERS, driver=False):
        return [str(program), *bounds, str(folder / "found"), str(CORPUS)]
    for flags in (SANITIZERS, ()):
        if program := _compiled(folder, compiler()[0], *flags, driver=True):
            return [str(program), str(CORPUS), str(SECONDS), "1"]
    raise AssertionError("no compiler made the fuzz target")


def test_mutations_of_the_corpus_break_nothing(tmp_path: Path) -> None:
    """For twenty seconds, places are in order and inside the block, forms are well-formed, and a field alone
    gives the same as among all fields.
    """
    command = _target(tmp_path)

    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert found.returncode == 0, found.stderr[-2000:]
    assert "Done" in found.stdout + found.stderr


def test_the_driver_runs_the_same_target(tmp_path: Path) -> None:
    """Without libFuzzer, the same checks run on random mutations."""
    cc = compiler()[0]
    program = _compiled(tmp_path, cc, *SANITIZERS, driver=True) or _compiled(tmp_path, cc, driver=True)
    assert program

    found = subprocess.run([program, CORPUS, "3", "7"], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.startswith("Done")
