"""`match --cluster`: the command cuts the dump and adds the results up; the nodes match the units."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from datetime import timedelta
from pathlib import Path

import typer
from sqlalchemy.orm import Session

from cli.command_context import App
from cli.errors import NoNodeForUnits
from cli.exits import Exit
from cli.match_report import MatchedDump
from cli.output import print_error
from cli.progress import ProgressMeter
from configuration.match_watch import MatchWatch
from matching.checkpoint import Checkpoint
from matching.comparing.findings import Findings
from matching.errors import InputSpecial
from matching.sweep import SweepSource
from matching.units import partial
from matching.units.clustered_sweep import ClusteredSweep
from matching.units.cutting import CutSizes
from matching.units.stored_pool import StoredPool
from matching.units.unit_matching import MatchOptions
from storage import dumps, nodes
from storage.dumps import DumpProgress
from storage.work import NodeRole

GOES_ON = "The same command goes on from here; with --restart it starts over."


def match_in_units(
    app: App,
    sources: Sequence[SweepSource],
    found: MatchWatch,
    options: MatchOptions,
    *,
    company: str | None,
    restart: bool,
) -> MatchedDump:
    """Let the nodes match the dump; raises NoNodeForUnits if none of them takes a unit for a while."""
    settings = app.watch_configuration.settings.matching
    paths = [_shared_path(name, source) for name, source in sources]
    sizes = CutSizes(settings.unit_mb << 20)
    facts = ["units", partial.VERSION, astuple(sizes), found.version, astuple(options)]
    key = Checkpoint.of(settings.sweeps_dir, [path for _, path in paths], found.watch, facts).path.stem
    kept = timedelta(days=settings.sweep_keep_days)

    def begin(session: Session) -> int:
        dumps.remove_abandoned_dumps(session, before=app.clock() - kept)
        if restart:
            dumps.remove_dump_of_key(session, key)
        return dumps.open_dump(
            session,
            key,
            watch_version=found.version,
            company=company,
            options=asdict(options),
            now=app.clock(),
        )

    dump_id = app.database.write(begin)
    pool = StoredPool(app.database, dump_id, found.watch, options.limit, app.clock)
    sweep = ClusteredSweep(Findings(found.watch, options.limit), pool, options, sizes=sizes)
    _tell_if_nobody_matches(app, settings.unit_wait_s)
    with ProgressMeter.for_sources(sources) as meter, _interruptible() as asked_to_end:
        patience = _Patience(settings.unit_wait_s)

        def on_wait(progress: DumpProgress) -> None:
            meter.show_units(progress)
            patience.see(progress)
            if asked_to_end.is_set():
                raise KeyboardInterrupt

        pool.on_wait = on_wait
        sweep.run(paths)
    return MatchedDump(
        sweep.findings,
        sweep.progress,
        lambda: app.database.write(lambda session: dumps.remove_dump(session, dump_id)),
    )


def _tell_if_nobody_matches(app: App, wait_s: float) -> None:
    """Say at once that no node matches. One may be on its way, so this does not end the command."""
    with app.database.reading() as session:
        there = nodes.known_nodes(session)
        now = nodes.database_time(session, app.clock())
    if not any(node.lease_until > now and (not node.roles or NodeRole.MATCH in node.roles) for node in there):
        print_error(
            f"No node that matches is running. Start `spillwatch run` within {wait_s:g} s where the dump is "
            "at the same path."
        )


def _shared_path(name: str, source: object) -> tuple[str, Path]:
    if not isinstance(source, Path) or not (source.is_file() or source.is_dir()):
        raise InputSpecial(
            f"{name} is a stream, which other nodes cannot read. Write it to a file in a folder that all "
            "nodes share, or leave out --cluster."
        )
    return name, source


@dataclass(slots=True)
class _Patience:
    """Ends the command if nobody takes a unit for too long, or says so where it still hopes."""

    limit_s: float
    _done: int = -1
    _since: float = field(default_factory=time.monotonic)

    def see(self, progress: DumpProgress) -> None:
        if progress.in_hand or progress.done != self._done or progress.done == progress.total:
            self._done, self._since = progress.done, time.monotonic()
        elif time.monotonic() > self._since + self.limit_s:
            raise NoNodeForUnits(
                f"No node has taken a unit of this dump for {self.limit_s:g} s. Start `spillwatch run` with "
                "this configuration and database on at least one machine where the dump is at the same path, "
                f"or leave out --cluster. {GOES_ON}"
            )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Yield an event that is set after Ctrl-C.

    Python drops an exception that a signal raises while it runs a callback of its garbage collector.
    """
    asked = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield asked
    except KeyboardInterrupt:
        print_error(f"Interrupted. The nodes match the units that they know of. {GOES_ON}")
        raise typer.Exit(Exit.INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGINT, before)
