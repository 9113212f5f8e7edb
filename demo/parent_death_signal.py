"""`python -m demo.parent_death_signal COMMAND...` runs a command that gets SIGTERM when its parent dies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent = os.getppid()
    # The setting survives exec. The signal is sent when the parent's thread that started us ends.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == parent:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - our own command line
