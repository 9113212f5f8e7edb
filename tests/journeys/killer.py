"""Plays the demo's story on a stage whose daemon and runs are killed with SIGKILL at random moments.

Whom and when is drawn from a seed, and every moment lies in work: rows say that something is in hand, a
random time passes, and the kill is made if something still is. Half of the moments come early, when a message
arrives or a row moves: between a message and the row that says it was sent is where things are told twice. A
killed daemon is started again at once.
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

TICK_S = 0.02
WITHIN_S = 150.0  # that a step may take on a busy machine, or work in hand may take to appear
LONGEST_WAIT_S = 1.5  # about as long as a run takes, so that a moment falls anywhere in it
EARLY = 0.5  # of the moments
LAST_WORDS_S = 0.5  # in which a receiver that was told has told us


@dataclass(frozen=True, slots=True)
class Kill:
    """What was in hand: runs that went on, and rows that waited for matching, judging or delivery."""

    step: int
    whom: str
    after_s: float
    runs: int
    rows: int

    def __str__(self) -> str:
        in_hand = f"{self.runs} runs and {self.rows} rows in hand"
        return f"step {self.step}: {self.whom}, {self.after_s:.3f} s after work was seen, {in_hand}"


class Killer:
    def __init__(self, stage: Stage, *, kills: int, seed: int) -> None:
        self.done: list[Kill] = []
        self.pids: set[int] = set()  # of every daemon and every run that there was
        self._stage = stage
        self._dice = random.Random(seed)
        self._steps = [self._dice.randrange(len(STORY)) for _ in range(kills)]

    def play(self) -> None:
        """The whole story with all the kills in it; at its end the daemon is told to stop, and does."""
        self._daemon = self._started()
        try:
            for step in range(len(STORY)):
                if step:
                    self._stage.play()
                for _ in range(self._steps.count(step)):
                    self._kill(step)
                self._wait(self._stage.settled, f"step {step} to be taken in")
        finally:
            ended = self._daemon.stop()
        while self._stage.received(timeout_s=LAST_WORDS_S):
            pass
        assert ended == 0

    def _started(self) -> DaemonProcess:
        daemon = self._stage.daemon()
        self.pids.add(daemon.process.pid)
        return daemon

    def _kill(self, step: int) -> None:
        kill = {"run": self._kill_run, "daemon": self._kill_daemon}
        whom, longest = self._dice.choice(list(kill)), self._dice.uniform(0, LONGEST_WAIT_S)
        early = self._dice.random() < EARLY
        while True:
            self._wait(lambda: any(self._in_hand()), "work in hand")
            after_s = self._let_pass(longest, early=early)
            runs, rows = self._in_hand()
            if (runs or rows) and kill[whom]():
                break
        self.done.append(Kill(step, whom, after_s, runs, rows))
        print(self.done[-1])  # noqa: T201 - what pytest shows when the test fails

    def _in_hand(self) -> tuple[int, int]:
        runs = database_snapshot.running_runs(self._stage.database)
        self.pids.update(run.pid for run in runs if run.pid)
        return len(runs), database_snapshot.pending_work(self._stage.database)

    def _kill_run(self) -> bool:
        alive = [
            run.pid
            for run in database_snapshot.running_runs(self._stage.database)
            if run.pid and is_run(run.pid)
        ]
        if not alive:
            return False
        with suppress(ProcessLookupError):  # it ended by itself at this very moment
            os.kill(self._dice.choice(alive), signal.SIGKILL)
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
            assert time.monotonic() < deadline, f"waited {WITHIN_S:.0f} s in vain for {what}"
            self._stage.received(timeout_s=TICK_S)

    def _let_pass(self, longest: float, *, early: bool) -> float:
        """Seconds that passed: `longest`, or fewer if `early` and a message arrived or a row moved."""
        began, rows = time.monotonic(), database_snapshot.pending_work(self._stage.database)
        while (passed := time.monotonic() - began) < longest:
            arrived = self._stage.received(timeout_s=min(TICK_S, longest - passed))
            if early and (arrived or database_snapshot.pending_work(self._stage.database) != rows):
                break
        return passed


def is_run(pid: int) -> bool:
    """Whether this process is one of our runs: a number may have gone to another since."""
    return b"daemon.run_process" in _command_line(pid)


def is_daemon(pid: int) -> bool:
    return b"cli.main" in _command_line(pid)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
