"""`spillwatch match`: dumps and samples in hand against everybody's terms and fingerprints."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_context import App, app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.match_report import as_dict, show, write_ordinals
from cli.output import emit_json, print_error
from cli.progress import ProgressMeter
from matching.checkpoint import Checkpoint, remove_abandoned
from matching.comparing.findings import Findings
from matching.comparing.first_look import FIRST_LOOK
from matching.errors import InputMissing, InputUnreadable
from matching.inputs import Limits
from matching.inputs.outcomes import WHOLE
from matching.mentions.terms import WatchTerm
from matching.sweep import Sweep, SweepProgress, SweepSource
from matching.watch import Watch, watch_of
from matching.watch_loader import watched_segments
from storage import companies

if TYPE_CHECKING:
    from matching.watch import WatchedSegment

STDIN = "-"
_MEGABYTE = 1_000_000


def command(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="Files, folders or archives; - is standard input.")],
    company: Annotated[str | None, typer.Option(help="Compare for this company only.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Findings of a company listed; all are counted.")
    ] = 100,
    ordinals: Annotated[
        Path | None,
        typer.Option(help="Folder that gets a CSV of the customers' ordinals for each company that is hit."),
    ] = None,
    first_look: Annotated[
        int,
        typer.Option(
            min=0,
            help="Candidates of each document tried for all companies; the rest for those that hit. 0: all.",
        ),
    ] = FIRST_LOOK,
    max_mb: Annotated[
        int, typer.Option(min=1, help="MB that may come out of the archives of each file or folder named.")
    ] = Limits().out_bytes // _MEGABYTE,
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="Default: one for each CPU.")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an earlier match was ended.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Search dumps and samples for watch terms and for customers' identifiers.

    Shows places, counts and masked excerpts, never a value. A match that was ended goes on when the same
    command is given again. Exit code 0: something was found; 1: nothing; 6: nothing, but not everything could
    be read or compared; 130: ended by Ctrl-C.
    """
    app = app_of(context)
    watch, names = _load_watch(app, company)
    sources = [_sweep_source(name) for name in dict.fromkeys(files)]
    if ordinals is not None:
        ordinals.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = timedelta(days=app.watch_configuration.settings.matching.sweep_keep_days)
    remove_abandoned(app.watch_configuration.settings.matching.sweeps_dir, before=datetime.now(UTC) - kept)
    checkpoint = _open_checkpoint(app, sources, watch, [limit, first_look, max_mb])
    findings, progress = _load_or_start(checkpoint, watch, limit, restart=restart)
    sweep = Sweep(findings, progress, limits=Limits(out_bytes=max_mb * _MEGABYTE), first_look=first_look)
    if threads is not None:
        sweep.threads = threads
    sweep.save_every_s = app.watch_configuration.settings.matching.sweep_save_s
    _run_sweep(sweep, sources, checkpoint)
    if ordinals is not None:
        write_ordinals(ordinals, findings, progress, names)
    if as_json:
        emit_json(as_dict(findings, progress, names))
    else:
        show(findings, progress, names)
    if checkpoint is not None:
        checkpoint.remove()
    if not findings.companies:
        raise typer.Exit(Exit.NEGATIVE if _everything_compared(watch, progress) else Exit.REFUSED)


def _everything_compared(watch: Watch, progress: SweepProgress) -> bool:
    """Whether "nothing" was said of all that was named, and of all segments."""
    compared = all(read.outcome == WHOLE and not read.left_out for read in progress.read)
    return compared and not watch.unusable


def _run_sweep(sweep: Sweep, sources: Sequence[SweepSource], checkpoint: Checkpoint | None) -> None:
    with ProgressMeter.for_sources(sources) as meter:
        sweep.heard = meter.show_progress
        if checkpoint is not None:
            sweep.saved = lambda: checkpoint.save(sweep)
        with _interruptible(sweep, kept=checkpoint is not None):
            sweep.run(sources)


@contextmanager
def _interruptible(sweep: Sweep, *, kept: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if not sweep.taking:  # else what was kept last is where a later match goes on
            sweep.saved()
        onward = " The same command goes on; with --restart it begins anew." if kept else ""
        print_error(f"Ended after {sweep.findings.rows_scanned:,} rows.{onward}")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _load_or_start(
    checkpoint: Checkpoint | None, watch: Watch, limit: int, *, restart: bool
) -> tuple[Findings, SweepProgress]:
    """What an earlier match had found, or nothing yet."""
    if checkpoint is not None and restart:
        checkpoint.remove()
    loaded = checkpoint.load(watch, limit) if checkpoint is not None else None
    if loaded is None:
        return Findings(watch, limit), SweepProgress()
    print_error(f"An earlier match ended after {loaded[0].rows_scanned:,} rows; this one goes on from there.")
    return loaded


def _open_checkpoint(
    app: App, sources: Sequence[SweepSource], watch: Watch, options: object
) -> Checkpoint | None:
    """None where a source cannot be read again."""
    paths = [source for _, source in sources if isinstance(source, Path)]
    if len(paths) != len(sources) or not all(path.is_file() or path.is_dir() for path in paths):
        return None
    with suppress(OSError):
        return Checkpoint.of(app.watch_configuration.settings.matching.sweeps_dir, paths, watch, options)
    return None


def _sweep_source(name: str) -> SweepSource:
    """Raises InputMissing or InputUnreadable before anything is read, not after hours."""
    if name == STDIN:
        return "standard input", sys.stdin.buffer
    path = Path(name)
    try:
        path.stat()
    except FileNotFoundError:
        raise InputMissing(f"there is no file {path}") from None
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read: {error.strerror}") from None
    return name, path


def _load_watch(app: App, only: str | None) -> tuple[Watch, dict[int, str]]:
    """The declared terms and the imported segments; company numbers are ours, for nothing is written."""
    declared = app.watch_configuration.companies
    with app.database.reading() as session:
        rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    slugs = sorted({company.name for company in declared} | {row.company.slug for row in rows})
    if only is not None and only not in slugs:
        raise UnknownName(f'There is no company "{only}"; there are {", ".join(slugs) or "none"}.')
    numbers = {slug: number for number, slug in enumerate(slugs, 1)}
    ids = count(1)
    terms = [
        WatchTerm(next(ids), numbers[company.name], term.text, term.kind, term.exclude)
        for company in declared
        for term in company.value.terms
        if only in (None, company.name)
    ]
    segments: list[WatchedSegment]
    segments, unusable = watched_segments(rows, app.watch_configuration.settings.matching, numbers)
    for error in unusable.values():
        print_error(f"{error}; its fingerprints are not compared.")
    watch = watch_of(terms, segments, unusable)
    return watch, {number: slug for slug, number in numbers.items()}
