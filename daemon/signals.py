"""Signals that the main thread waits for, whichever thread of the process the kernel hands them to."""

import signal
import socket
from collections.abc import Sequence


class Signals:
    """Made in the main thread; from then on these signals do nothing but come out of `wait`.

    A handler of Python's runs once the main thread goes on, and that does not while it waits for a lock and
    another thread got the signal. A byte in a socket wakes it up in any case.
    """

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def wait(self, timeout_s: float) -> signal.Signals | None:
        """The next of them, or None where none came in time."""
        self._received.settimeout(timeout_s)
        try:
            number = self._received.recv(1)[0]
        except TimeoutError:
            return None
        return signal.Signals(number) if number in self._numbers else None
