"""Trials of sources that people ask for in the console: one at a time for each person, and few in all.

Each holds a thread of the server, and a process of its own, for up to a minute and a half.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MAX_TRIALS = 2
_trying: set[int] = set()
_guard = threading.Lock()


class TrialsBusy(Exception):
    """No trial can begin now. `own`: because this person's last one goes on."""

    def __init__(self, *, own: bool) -> None:
        super().__init__()
        self.own = own


@contextmanager
def trial_of(user_id: int) -> Iterator[None]:
    """Hold one of the places; raises TrialsBusy."""
    with _guard:
        if user_id in _trying or len(_trying) >= MAX_TRIALS:
            raise TrialsBusy(own=user_id in _trying)
        _trying.add(user_id)
    try:
        yield
    finally:
        with _guard:
            _trying.discard(user_id)
