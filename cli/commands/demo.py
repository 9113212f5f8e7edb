"""`spillwatch demo`: runs the whole product against practice sites on this machine."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.errors import ExtraMissing, WouldOverwrite
from cli.exits import Exit
from cli.output import emit_json_line, print_error, print_line
from configuration.settings import has_display
from demo.alert_page import alert_page, console_lines
from demo.demo_stage import Stage
from demo.errors import NotAsExpected
from demo.practice_files import write_practice_files
from demo.story_player import DemoResult, StoryPlayer
from demo.view import LineView, PaneView, View
from storage.errors import SpillwatchError

PACE_S = 5.0  # between two steps, so that a person can follow; --once does not wait
EVERY = {True: "2s", False: "4s"}  # interval of the sources' schedule, by --once
SMTP_LIBRARY = "aiosmtpd"
CONSOLE_LIBRARY = "fastapi"


def command(
    once: Annotated[bool, typer.Option("--once", help="End after one full cycle.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object as the last line. Implies --once.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's folder.")] = False,
    files: Annotated[
        Path | None,
        typer.Option(help="Only write files to practise `investigate` with, into this new folder."),
    ] = None,
) -> None:
    """Watch practice sites with the real daemon: an offer appears, and its alert arrives.

    Everything runs on this machine and is invented. Nothing is left behind.
    """
    if files is not None:
        _write_files(files, as_json=as_json)
        return
    _require_demo_extra()
    once = once or as_json
    with _demo_folder(keep) as folder, _stopped_by_signals():
        try:
            result = _run_demo(folder, once=once, as_json=as_json)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED if once else Exit.OK) from None
        _print_result(result, as_json=as_json)
        if result.problems:
            raise NotAsExpected(result.problems)


def _write_files(folder: Path, *, as_json: bool) -> None:
    try:
        written = write_practice_files(folder)
    except FileExistsError:
        raise WouldOverwrite(f"{folder} exists, and nothing in it is replaced. Name a new folder.") from None
    if as_json:
        emit_json_line({"files": [str(path) for path in written]})
    else:
        print_line("\n".join(map(str, written)))


def _require_demo_extra() -> None:
    if find_spec(SMTP_LIBRARY) is None:
        raise ExtraMissing(
            f"The demo needs {SMTP_LIBRARY}, which is not installed. "
            "Install the extra: pip install 'spillwatch[demo]'."
        )


def _run_demo(folder: Path, *, once: bool, as_json: bool) -> DemoResult:
    live = sys.stdout.isatty() and not once
    print_error(f"Setting up the demo in {folder}, with its configuration, data and logs: a few seconds.")
    console = not once and find_spec(CONSOLE_LIBRARY) is not None
    with (
        Stage(folder, every=EVERY[once], console=console) as stage,
        _make_view(stage, live=live, as_json=as_json) as view,
    ):
        page = alert_page(stage.workspace, stage.site)
        if stage.console_link is not None:
            view.show_page(console_lines(stage.console_link))
            if live and has_display():
                webbrowser.open(stage.console_link)
        return StoryPlayer(stage, view, pace_s=0 if once else PACE_S, alert_page=page).run(once=once)


def _make_view(stage: Stage, *, live: bool, as_json: bool) -> View:
    if not live:
        return LineView(sys.stderr if as_json else sys.stdout)
    console = f" The console: {stage.console_link}" if stage.console_link else ""
    footer = f"Ctrl-C ends and removes {stage.workspace.folder}. The marketplace: {stage.site}{console}"
    return PaneView(Console(markup=False, emoji=False, highlight=False), footer)


def _print_result(result: DemoResult, *, as_json: bool) -> None:
    counts = {name: value for name, value in asdict(result).items() if name != "problems"}
    if as_json:
        emit_json_line(counts)
        return
    print_line("\n".join(f"{name.replace('_', ' '):>24}: {value}" for name, value in counts.items()))
    if not result.problems:
        print_line("Every expected alert arrived, and no others.")


@contextmanager
def _demo_folder(keep: bool) -> Iterator[Path]:
    """Make the demo's folder. It is removed at the end, except with --keep and after an error."""
    folder = Path(tempfile.mkdtemp(prefix="spillwatch-demo-"))
    try:
        yield folder
    except SpillwatchError:
        keep = True
        raise
    finally:
        if keep:
            print_error(f"The demo's files are in {folder}.")
        else:
            shutil.rmtree(folder)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does, with nothing left behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
