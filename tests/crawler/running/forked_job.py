"""`python -m tests.crawler.running.forked_job IDLE_S [MISTAKE] DESCRIPTOR`: a warm process. Its forks do
what the line on their standard input says. MISTAKE is something that must not be there before a fork; with
`rehearsal-` before it, the rehearsal makes it.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from daemon import process_start
from daemon.fork_server import BLOCKED, open_descriptors, serve_forks


def facts() -> int:
    """Print what a fork must not share with others."""
    sys.stdout.write(
        json.dumps(
            {
                "pid": os.getpid(),
                "session": os.getsid(0),
                "parent": os.getppid(),
                "descriptors": sorted(open_descriptors()),
                "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
                "handlers": [signal.getsignal(number) is signal.SIG_DFL for number in BLOCKED],
                "threads": len(list(Path("/proc/self/task").iterdir())),
                "random": [random.random(), ssl.RAND_bytes(8).hex(), os.urandom(8).hex()],
            }
        )
        + "\n"
    )
    return 0


def hang() -> int:
    while True:
        time.sleep(60)


def segfault() -> int:
    return ctypes.string_at(0)[0]


def leave() -> int:
    raise SystemExit(3)


def fail() -> int:
    raise RuntimeError("invented")


REHEARSAL = "rehearsal-"
JOBS: dict[str, Callable[[], int]] = {job.__name__: job for job in (facts, hang, segfault, leave, fail)} | {
    "seven": lambda: 7,
    "": lambda: 1,
}


def carry_out() -> int:
    return JOBS[sys.stdin.readline().strip()]()


def make(mistake: str) -> None:
    match mistake:
        case "thread":
            threading.Thread(target=hang, daemon=True).start()
        case "reactor":
            import_module("twisted.internet.reactor")
        case "file":
            os.open("/dev/null", os.O_RDONLY)
        case "error":
            raise OSError("invented")


if __name__ == "__main__":

    def rehearse() -> None:
        for each in sys.argv[2:-1]:
            if each.startswith(REHEARSAL):
                make(each.removeprefix(REHEARSAL))

    for mistake in sys.argv[2:-1]:
        make(mistake)
    process_start.end_now(
        serve_forks(int(sys.argv[-1]), carry_out, idle_s=float(sys.argv[1]), rehearse=rehearse)
    )
