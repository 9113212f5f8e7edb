"""The limits of a run's process: its memory, and its life."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from crawler.running.child_protocol import ChildExit, Job
from crawler.settings import MEBIBYTE

PR_SET_PDEATHSIG = 1


def confine(job: Job) -> None:
    """Bound this process's memory and tie its life to its parent's; call it before anything hostile is read.

    The kernel kills this process when the thread that started it ends. If that thread ended before we asked
    for this, the process ends itself.
    """
    limit = job.settings.memory_limit_mb * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    die_with_parent()
    if os.getppid() != job.parent_pid:
        raise SystemExit(ChildExit.STOPPED)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel send this process a signal when the thread that started it ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
