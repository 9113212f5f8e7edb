"""Plays the demo's story while the daemon and its runs are killed with SIGKILL at random moments.

A seed decides who is killed and when. Every kill happens during work: when rows show work in progress, a
random time passes, and the kill is made if there is still work. Half of the kills come as soon as a message
arrives or a row changes, because duplicates arise between sending a message and writing the row that says so.
A killed daemon is started again at once.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demo import database_snapshot
from demo.demo_stage import DaemonProcess, Stage
from demo.story import STORY
from tests.processes import children_of

TICK_S = 0.02
WITHIN_S = 150.0  # time limit for a step, or for work to appear, on a busy machine
LONGEST_WAIT_S = 1.5  # about the duration of a run, so that a kill can fall anywhere in it
EARLY = 0.5  # share of the kills that come early
LAST_RECEIPT_S = 0.5  # until a receiver has reported everything it received


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: the runs in progress and the rows waiting for matching, judging or delivery at the time."""

    step: int
    whom: str
    after_s: float
    runs: int
    rows: int

    def __str__(self) -> str:
        in_progress = f"{self.runs} runs and {self.rows} rows in progress"
        return f"step {self.step}: {self.whom}, {self.after_s:.3f} s after work was seen, {in_progress}"


class Killer:
    def __init__(self, stage: Stage, *, kills: int, seed: int) -> None:
        self.done: list[Kill] = []
        self.pids: set[int] = set()  # of every daemon and every run so far
        self._stage = stage
        self._dice = random.Random(seed)
        self._steps = [self._dice.randrange(len(STORY)) for _ in range(kills)]

    def play(self) -> None:
        """Play the whole story with all kills. At its end the daemon must stop cleanly."""
        self._daemon = self._started()
        try:
            for step in range(len(STORY)):
                if step:
                    self._stage.play()
                for _ in range(self._steps.count(step)):
                    self._kill(step)
                self._wait(lambda: not self._stage.unfinished(), f"step {step} to be processed")
        finally:
            ended = self._daemon.stop()
        while self._stage.received(timeout_s=LAST_RECEIPT_S):
            pass
        assert ended == 0

    def _started(self) -> DaemonProcess:
        daemon = self._stage.daemon()
        self.pids.add(daemon.process.pid)
        return daemon

    def _kill(self, step: int) -> None:
        kill = {"run": self._kill_run, "warm process": self._kill_warm_process, "daemon": self._kill_daemon}
        whom, longest = self._dice.choice(list(kill)), self._dice.uniform(0, LONGEST_WAIT_S)
        early = self._dice.random() < EARLY
        while True:
            self._wait(lambda: any(self._in_progress()), "work in progress")
            after_s = self._let_pass(longest, early=early)
            runs, rows = self._in_progress()
            if (runs or rows) and kill[whom]():
                break
        self.done.append(Kill(step, whom, after_s, runs, rows))
        print(self.done[-1])  # noqa: T201 - what pytest shows when the test fails

    def _in_progress(self) -> tuple[int, int]:
        runs = database_snapshot.running_runs(self._stage.database)
        self.pids.update(run.pid for run in runs if run.pid)
        return len(runs), sum(database_snapshot.pending_work(self._stage.database).values())

    def _kill_run(self) -> bool:
        alive = [
            run.pid
            for run in database_snapshot.running_runs(self._stage.database)
            if run.pid and is_run(run.pid)
        ]
        if not alive:
            return False
        with suppress(ProcessLookupError):  # it ended by itself in the meantime
            os.kill(self._dice.choice(alive), signal.SIGKILL)
            return True
        return False

    def _kill_warm_process(self) -> bool:
        for pid in filter(is_run, children_of(self._daemon.process.pid)):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def _kill_daemon(self) -> bool:
        self._daemon.process.kill()
        self._daemon.process.wait(WITHIN_S)
        self._daemon = self._started()
        return True

    def _wait(self, until: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while True:
            assert self._daemon.process.poll() is None, self._daemon.log.read_text()
            if until():
                return
            assert time.monotonic() < deadline, f"timed out after {WITHIN_S:.0f} s waiting for {what}"
            self._stage.received(timeout_s=TICK_S)

    def _let_pass(self, longest: float, *, early: bool) -> float:
        """Wait `longest` seconds, or if `early` until a message or a changed row. Return the seconds."""
        began, rows = time.monotonic(), database_snapshot.pending_work(self._stage.database)
        while (passed := time.monotonic() - began) < longest:
            arrived = self._stage.received(timeout_s=min(TICK_S, longest - passed))
            if early and (arrived or database_snapshot.pending_work(self._stage.database) != rows):
                break
        return passed


def is_run(pid: int) -> bool:
    """Return whether this process is one of our runs, or the warm process, which they are forked from.

    The process id may have been reused.
    """
    return any(name in _command_line(pid) for name in (b"daemon.run_process", b"daemon.warm_process"))


def is_daemon(pid: int) -> bool:
    return b"cli.main" in _command_line(pid)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
