"""`spillwatch demo`: the whole way of the data on practice sites, with nothing to set up."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.exits import Exit
from cli.output import emit_json_line, print_error, print_line
from demo.alert_page import alert_page
from demo.demo_stage import Stage
from demo.errors import NotAsExpected
from demo.story_player import DemoResult, StoryPlayer
from demo.view import LineView, PaneView, View
from storage.errors import SpillwatchError

PACE_S = 5.0  # for a person; --once doesn't wait
EVERY = {True: "2s", False: "4s"}  # by --once


def command(
    once: Annotated[bool, typer.Option("--once", help="End after one full cycle.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: write one JSON object as the last line.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the demo's folder where it is.")] = False,
) -> None:
    """Watch practice sites with the real daemon: an offer appears, and its alert arrives.

    Everything runs on this machine, everything shown is invented, and nothing is left behind.
    """
    once = once or as_json
    with _demo_folder(keep) as folder, _stopped_by_signals():
        try:
            result = _run_demo(folder, once=once, as_json=as_json)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED if once else Exit.OK) from None
        _print_result(result, as_json=as_json)
        if result.problems:
            raise NotAsExpected(result.problems)


def _run_demo(folder: Path, *, once: bool, as_json: bool) -> DemoResult:
    live = sys.stdout.isatty() and not once
    print_error(f"The demo's configuration, data and logs are in {folder}; it takes a few seconds to set up.")
    with Stage(folder, every=EVERY[once]) as stage, _make_view(stage, live=live, as_json=as_json) as view:
        page = alert_page(stage.workspace, stage.site)
        return StoryPlayer(stage, view, pace_s=0 if once else PACE_S, alert_page=page).run(once=once)


def _make_view(stage: Stage, *, live: bool, as_json: bool) -> View:
    if not live:
        return LineView(sys.stderr if as_json else sys.stdout)
    footer = f"Ctrl-C ends and removes {stage.workspace.folder}. The marketplace in a browser: {stage.site}"
    return PaneView(Console(markup=False, emoji=False, highlight=False), footer)


def _print_result(result: DemoResult, *, as_json: bool) -> None:
    counts = {name: value for name, value in asdict(result).items() if name != "problems"}
    if as_json:
        emit_json_line(counts)
        return
    print_line("\n".join(f"{name.replace('_', ' '):>24}: {value}" for name, value in counts.items()))
    if not result.problems:
        print_line("Every expected alert arrived, and nothing else did.")


@contextmanager
def _demo_folder(keep: bool) -> Iterator[Path]:
    """Removed at the end, unless it is wanted or holds the logs of what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="spillwatch-demo-"))
    try:
        yield folder
    except SpillwatchError:
        keep = True
        raise
    finally:
        if keep:
            print_error(f"Everything is still in {folder}.")
        else:
            shutil.rmtree(folder)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does: in order, with nothing left behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
