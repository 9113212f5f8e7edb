"""`spillwatch match`: compares dumps and samples with the terms and fingerprints of every company."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import App, app_of
from cli.exits import Exit
from cli.match_report import MatchedDump, as_dict, show, write_ordinals
from cli.output import emit_json, print_error
from cli.progress import ProgressMeter
from cli.watch_choice import chosen_watch
from matching.checkpoint import Checkpoint, remove_abandoned
from matching.comparing.findings import Findings
from matching.comparing.first_look import FIRST_LOOK
from matching.inputs import Limits, mode_of
from matching.inputs.outcomes import WHOLE
from matching.sweep import Sweep, SweepProgress, SweepSource
from matching.units.unit_matching import MatchOptions
from matching.watch import Watch

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
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster",
            help="Let the running nodes match the dump in units. It must be at the same path on all of them.",
        ),
    ] = False,
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
    found = chosen_watch(app, company)
    sources = [_sweep_source(name) for name in dict.fromkeys(files)]
    if ordinals is not None:
        ordinals.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = MatchOptions(limit, first_look, max_mb * _MEGABYTE)
    if cluster:
        if threads is not None:
            raise typer.BadParameter("the nodes decide on their threads", param_hint="--threads")
        from cli.match_in_units import match_in_units

        matched = match_in_units(app, sources, found, options, company=company, restart=restart)
    else:
        matched = _match_here(app, sources, found.watch, options, threads=threads, restart=restart)
    if ordinals is not None:
        write_ordinals(ordinals, matched.findings, matched.progress, found.names)
    if as_json:
        emit_json(as_dict(matched.findings, matched.progress, found.names))
    else:
        show(matched.findings, matched.progress, found.names)
    matched.forget()
    if not matched.findings.companies:
        if not matched.findings.rows_scanned:
            print_error("Nothing was read: there is no row in the input.")
            raise typer.Exit(Exit.REFUSED)
        whole = _everything_compared(found.watch, matched.progress)
        raise typer.Exit(Exit.NEGATIVE if whole else Exit.REFUSED)


def _match_here(
    app: App,
    sources: Sequence[SweepSource],
    watch: Watch,
    options: MatchOptions,
    *,
    threads: int | None,
    restart: bool,
) -> MatchedDump:
    """Compare in this process, from where an interrupted match was."""
    settings = app.watch_configuration.settings.matching
    remove_abandoned(settings.sweeps_dir, before=datetime.now(UTC) - timedelta(days=settings.sweep_keep_days))
    checkpoint = _open_checkpoint(app, sources, watch, list(astuple(options)))
    findings, progress = _load_or_start(checkpoint, watch, options.limit, restart=restart)
    sweep = Sweep(findings, progress, limits=options.limits, first_look=options.first_look)
    if threads is not None:
        sweep.threads = threads
    sweep.save_every_s = settings.sweep_save_s
    _run_sweep(sweep, sources, checkpoint)
    return MatchedDump(findings, progress, checkpoint.remove if checkpoint is not None else lambda: None)


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
    mode_of(path)
    return name, path
