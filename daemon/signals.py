"""Signals for the main thread, whichever thread of the process the kernel delivers them to."""

import signal
import socket
from collections.abc import Sequence


class Signals:
    """Collects signals for `wait`. Must be made in the main thread; the signals then have no other effect.

    Python runs a signal's handler in the main thread only. If another thread receives the signal while the
    main thread waits for a lock, the handler waits too. A byte written to a socket always wakes it.
    """

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def wait(self, timeout_s: float) -> signal.Signals | None:
        """Return the next signal, or None after `timeout_s`."""
        self._received.settimeout(timeout_s)
        try:
            number = self._received.recv(1)[0]
        except TimeoutError:
            return None
        return signal.Signals(number) if number in self._numbers else None
