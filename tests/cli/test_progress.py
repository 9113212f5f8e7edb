"""The progress bar of a long command."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress as Line

from cli.progress import ProgressMeter
from matching.inputs.outcomes import WHOLE
from matching.sweep import DocumentRead, SweepProgress


def read(name: str, size: int) -> DocumentRead:
    return DocumentRead(name, "csv", "utf-8", WHOLE, "", size, rows=1)


def test_a_second_reading_is_as_much_more_to_read() -> None:
    """A document that is read again is added to the total, and at the end progress equals the total."""
    line = Line(console=Console(file=io.StringIO()))
    line.add_task("", total=100)
    meter = ProgressMeter(100, line)
    progress = SweepProgress()
    shown = []

    for name, size, again in (("a", 60, 0), ("b", 40, None)):
        progress.begin(name)
        for end in (size // 2, size):
            progress.end = end
            meter.show_progress(progress)
            shown.append((line.tasks[0].completed, line.tasks[0].total))
        progress.read.append(read(name, size))
        if again is not None:
            progress.begin(name, again=again, end=30)
            for progress.end in (45, 60):
                meter.show_progress(progress)
                shown.append((line.tasks[0].completed, line.tasks[0].total))

    assert shown == [(30, 100), (60, 100), (105, 160), (120, 160), (140, 160), (160, 160)]
