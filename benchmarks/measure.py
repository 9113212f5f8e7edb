"""Measure CPU time of a process and its children, and print tables and bars for the docs."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
BAR = 60


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds (user and system), and wall-clock seconds, which other work on the machine lengthens."""

    cpu_s: float
    wall_s: float


def cost(work: Callable[[], T], *, children: bool = False) -> tuple[T, Cost]:
    """Return the result of `work` and its cost; `children`: include child processes that ended meanwhile."""
    gc.collect()
    wall, cpu = time.perf_counter(), _cpu_s(children)
    result = work()
    return result, Cost(_cpu_s(children) - cpu, time.perf_counter() - wall)


def run_child(module: str, *arguments: str) -> tuple[str, resource.struct_rusage]:
    """Run `python -m module`; return what it prints and the resources it used.

    A child's peak memory starts at its parent's, so the caller should import little before.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with exit code {process.returncode}")
    return output, usage


def _cpu_s(children: bool) -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN) if children else (resource.RUSAGE_SELF,)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, whose))


def ratio(ours: float, theirs: float) -> str:
    """Return ours as a multiple of theirs."""
    return f"{ours / theirs:.2f}x"


def report(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table with numbers aligned to the right."""
    lines = [list(columns), *([_format_value(value) for value in row] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    right = [isinstance(value, int | float) for value in rows[0]]
    rules = ["-" * (width + 1) + ("-", ":")[numeric] for width, numeric in zip(widths, right, strict=True)]
    for number, line in enumerate(lines):
        fitted = zip(line, widths, right, strict=True)
        cells = (cell.rjust(width) if numeric else cell.ljust(width) for cell, width, numeric in fitted)
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("|" + "|".join(rules) + "|")
    print(flush=True)


def bars(title: str, values: Mapping[str, float]) -> None:
    """Print one bar per value; the longest has BAR characters."""
    longest, width = max(values.values()), max(map(len, values))
    print(f"{title}\n")
    for name, value in values.items():
        print(f"    {name.rjust(width)} {'█' * max(1, round(BAR * value / longest))} {_format_value(value)}")
    print(flush=True)


def _format_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
