"""How much one input may make of itself: files, depth, bytes, time. Whatever is read counts against one
budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from matching.errors import InputTooLarge, InputTooMany, InputTooSlow

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one call of `documents`."""

    depth: int = 4
    """Containers within one another: `a.zip` in `b.tar` in `c.gz` is three."""
    folders: int = 32
    """Folders within one another."""
    members: int = 100_000
    """Files of a folder and members of containers, in all."""
    out_bytes: int = 1 << 40
    """Bytes out of all containers, those between two of them included."""
    ratio: int = 200
    """Bytes out for each byte of the outermost files. Dumps of text come to 5 to 30, to 100 at most."""
    free_bytes: int = 1 << 30
    """Bytes out that need no ratio: a second's work, whatever it is."""
    spool_bytes: int = 16 << 30
    """Bytes kept aside of something that must be read from its end but does not come from a file."""
    seconds: float = 86_400
    """From the call to the last byte, with what the caller does in between."""


class InputBudget:
    """What is left of the limits; raises InputTooLarge, InputTooMany, InputTooSlow, and goes on raising."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.out = 0  # bytes out of containers
        self.into = 0  # bytes of the outermost files
        self._members = 0
        self._clock = clock
        self._deadline = clock() + limits.seconds

    def opened(self, size: int) -> None:
        """`size` bytes of an outermost file may be read, or have been."""
        self.into += size

    def member(self) -> None:
        """One file or member more."""
        self._members += 1
        if self._members > self.limits.members:
            raise InputTooMany(
                f"there are more than {self.limits.members} files and members; the rest was not read"
            )
        self.unpacked(0)

    def unpacked(self, size: int) -> None:
        """`size` bytes came out of a container."""
        self.out += size
        if self.out > self.limits.out_bytes:
            raise InputTooLarge(
                f"more than {self.limits.out_bytes // _MEGABYTE} MB came out of it; the rest was not read"
            )
        if self.out > self.limits.free_bytes and self.out > self.into * self.limits.ratio:
            raise InputTooLarge(
                f"more than {self.limits.ratio} times its size came out of it, as out of an archive that is "
                f"built to fill disks; the rest was not read"
            )
        self.on_time()

    def on_time(self) -> None:
        if self._clock() > self._deadline:
            raise InputTooSlow(f"{self.limits.seconds:g} s are over; the rest was not read")
