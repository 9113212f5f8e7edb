"""`spillwatch match`: compares dumps and samples with the terms and fingerprints of every company."""

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
    files: Annotated[list[str], typer.Argument(help="Files, folders or archives. - is standard input.")],
    company: Annotated[str | None, typer.Option(help="Compare for this company only.")] = None,
    limit: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, help="Maximum number of matches listed per company. All count."),
    ] = 100,
    ordinals: Annotated[
        Path | None,
        typer.Option(help="Folder for one CSV of customers' ordinals per company with hits."),
    ] = None,
    first_look: Annotated[
        int,
        typer.Option(
            min=0,
            help="Candidates per document that are compared for every company. The rest is compared only "
            "for companies with hits. 0 compares everything.",
        ),
    ] = FIRST_LOOK,
    max_mb: Annotated[
        int, typer.Option(min=1, help="Maximum MB unpacked per file or folder named.")
    ] = Limits().out_bytes // _MEGABYTE,
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="Number of threads. Default: one per CPU.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start over instead of continuing an interrupted match.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Search dumps and samples for watch terms and for customers' identifiers.

    Shows places, counts and masked excerpts, never a value.
    The same command continues an interrupted match.
    Exit code 0: something was found. 1: nothing was found.
    6: nothing was found, but not everything could be read or compared, or the input is empty.
    130: interrupted with Ctrl-C.
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
        if not findings.rows_scanned:
            print_error("Nothing was read: there is no row in the input.")
            raise typer.Exit(Exit.REFUSED)
        raise typer.Exit(Exit.NEGATIVE if _everything_compared(watch, progress) else Exit.REFUSED)


def _everything_compared(watch: Watch, progress: SweepProgress) -> bool:
    """Return whether every document was read whole and compared with every segment, without masked values."""
    compared = all(
        read.outcome == WHOLE and not read.left_out and not read.masked_rows for read in progress.read
    )
    return compared and not watch.unusable


def _run_sweep(sweep: Sweep, sources: Sequence[SweepSource], checkpoint: Checkpoint | None) -> None:
    with ProgressMeter.for_sources(sources) as meter:
        sweep.on_progress = meter.show_progress
        if checkpoint is not None:
            sweep.on_checkpoint = lambda: checkpoint.save(sweep)
        with _interruptible(sweep, kept=checkpoint is not None):
            sweep.run(sources)


@contextmanager
def _interruptible(sweep: Sweep, *, kept: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if not sweep.in_block:  # in the middle of a block: a later match continues from the last checkpoint
            sweep.on_checkpoint()
        advice = " The same command continues from here; with --restart it starts over." if kept else ""
        print_error(f"Interrupted after {sweep.findings.rows_scanned:,} rows.{advice}")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _load_or_start(
    checkpoint: Checkpoint | None, watch: Watch, limit: int, *, restart: bool
) -> tuple[Findings, SweepProgress]:
    """Return the state of an interrupted match, or an empty one."""
    if checkpoint is not None and restart:
        checkpoint.remove()
    loaded = checkpoint.load(watch, limit) if checkpoint is not None else None
    if loaded is None:
        return Findings(watch, limit), SweepProgress()
    print_error(f"Continuing an interrupted match after {loaded[0].rows_scanned:,} rows.")
    return loaded


def _open_checkpoint(
    app: App, sources: Sequence[SweepSource], watch: Watch, options: object
) -> Checkpoint | None:
    """Return the checkpoint of this match; None if a source cannot be read again, such as a pipe."""
    paths = [source for _, source in sources if isinstance(source, Path)]
    if len(paths) != len(sources) or not all(path.is_file() or path.is_dir() for path in paths):
        return None
    with suppress(OSError):
        return Checkpoint.of(app.watch_configuration.settings.matching.sweeps_dir, paths, watch, options)
    return None


def _sweep_source(name: str) -> SweepSource:
    """Open a name of the command line; raises InputMissing or InputUnreadable now, not hours later."""
    if name == STDIN:
        return "standard input", sys.stdin.buffer
    path = Path(name)
    try:
        path.stat()
    except FileNotFoundError:
        raise InputMissing(f"There is no file or folder {path}.") from None
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    return name, path


def _load_watch(app: App, only: str | None) -> tuple[Watch, dict[int, str]]:
    """Return the declared terms and the imported segments, and the slug of each company number.

    The numbers are made up here: this command writes no row, and a declared company may not have one.
    """
    declared = app.watch_configuration.companies
    with app.database.reading() as session:
        rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    slugs = sorted({company.name for company in declared} | {row.company.slug for row in rows})
    if only is not None and only not in slugs:
        raise UnknownName(f'There is no company "{only}". Known companies: {", ".join(slugs) or "none"}.')
    numbers = {slug: number for number, slug in enumerate(slugs, 1)}
    ids = count(1)
    terms = [
        WatchTerm(
            next(ids),
            numbers[company.name],
            term.text,
            term.kind,
            term.exclude,
            in_addresses=not company.value.mail_provider,
        )
        for company in declared
        for term in company.value.terms
        if only in (None, company.name)
    ]
    segments: list[WatchedSegment]
    segments, unusable = watched_segments(rows, app.watch_configuration.settings.matching, numbers)
    for number, error in unusable.items():
        print_error(f"The fingerprints of {slugs[number - 1]} are not compared: {error}.")
    watch = watch_of(terms, segments, unusable)
    return watch, {number: slug for slug, number in numbers.items()}
