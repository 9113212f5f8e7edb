"""`python -m daemon.unit_process`: a process that matches units of dumps, one after the other.

Dumps are hostile: if one of them ends this process, or makes it hang, the daemon goes on. The process opens
the segments once, and ends when it has had nothing to do for a while.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import process_start

if TYPE_CHECKING:
    from configuration.match_watch import MatchWatch
    from daemon.unit_messages import UnitAnswer, UnitJob, UnitSetup

IDLE_S = 60.0
_MEBIBYTE = 1 << 20


def main() -> int:
    """Match the units on standard input. Return an exit code."""
    process_start.before_imports()
    process_start.import_structlog()
    from crawler.running.process_limits import die_with_parent
    from daemon.unit_messages import JobReader, setup_from_line

    jobs = JobReader(sys.stdin.fileno())
    setup = setup_from_line(jobs.line())
    # Not RLIMIT_AS: segments are mapped, and take no memory that other programs could not have.
    limit = setup.memory_mb * _MEBIBYTE
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    die_with_parent()
    if os.getppid() != setup.parent_pid:
        return 1
    matcher = _Matcher(setup)
    process_start.after_imports()
    while line := jobs.line(wait_s=IDLE_S):
        matcher.answer(line)
    return 0


class _Matcher:
    """Matches units with the watch of this node's configuration."""

    def __init__(self, setup: UnitSetup) -> None:
        self._setup = setup
        self._watches: dict[str | None, MatchWatch] = {}
        self._dumps_dirs: Sequence[Path] = ()

    def answer(self, line: bytes) -> None:
        """Match the unit of a job and write the answer."""
        from daemon.unit_messages import UnitAnswer, job_from_line
        from storage.errors import SpillwatchError

        try:
            data = self._result(job_from_line(line))
        except SpillwatchError as error:
            self._write(UnitAnswer(refused=error.reason, sentence=str(error)))
        except MemoryError:
            self._write(UnitAnswer(sentence=f"it needs more than {self._setup.memory_mb} MiB of memory"))
        except Exception as error:  # noqa: BLE001 - the daemon counts it; its message may hold a person's data
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            self._write(UnitAnswer(sentence=f"Spillwatch made a mistake ({place}); please report that line"))
        else:
            self._write(UnitAnswer(result_bytes=len(data)), data)

    def _result(self, job: UnitJob) -> bytes:
        from matching.units.unit import Unit
        from matching.units.unit_matching import MatchOptions, check_place, match_unit

        found, unit = self._watch_of(job), Unit.from_json(job.unit)
        check_place(unit, self._dumps_dirs)
        partial = match_unit(
            unit,
            MatchOptions(**job.options),
            found.watch,
            threads=self._setup.threads,
            on_progress=_pulse(),
        )
        return partial.to_bytes()

    def _watch_of(self, job: UnitJob) -> MatchWatch:
        """Return the watch for which the unit was cut; raises UnitWatchOther.

        Another version than the known one may be a newer one, so the configuration is read again.
        """
        from configuration.match_watch import load_match_watch
        from configuration.watch_configuration import load_watch_configuration
        from matching.errors import UnitWatchOther
        from storage.database.base import Database

        known = self._watches.get(job.company)
        if known is None or known.version != job.watch_version:
            configured = load_watch_configuration(Path(self._setup.config))
            self._dumps_dirs = configured.settings.matching.dumps_dirs
            storage = configured.settings.storage
            database = Database.open(
                storage.database_url.get_secret_value(), busy_timeout_s=storage.busy_timeout_s
            )
            try:
                known = load_match_watch(configured, database, job.company)
            finally:
                database.close()
            self._watches[job.company] = known
        if known.version != job.watch_version:
            also = "".join(f" The fingerprints of {name}: {error}." for name, error in known.unusable.items())
            raise UnitWatchOther(
                "this node has other terms, segments, keys or rules, or another version of Spillwatch, than "
                f"the command that cut the dump.{also}"
            )
        return known

    def _write(self, answer: UnitAnswer, data: bytes = b"") -> None:
        from daemon.unit_messages import message_line

        sys.stdout.buffer.write(message_line(answer) + data)
        sys.stdout.buffer.flush()


def _pulse() -> Callable[[], None]:
    """Return a function that says from time to time that this process is alive."""
    from daemon.unit_messages import ALIVE, ALIVE_EVERY_S

    last = time.monotonic()

    def pulse() -> None:
        nonlocal last
        if time.monotonic() >= last + ALIVE_EVERY_S:
            last = time.monotonic()
            sys.stdout.buffer.write(ALIVE)
            sys.stdout.buffer.flush()

    return pulse


if __name__ == "__main__":
    process_start.end_now(main())
