"""How much one input may use of the machine: files, depth, bytes, time."""

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
    """Files of a folder and members of containers, together."""
    out_bytes: int = 1 << 40
    """Bytes out of all containers, including those that lead to another container."""
    ratio: int = 200
    """Bytes out per byte of the outermost files. Dumps of text reach 5 to 30, and 100 at most."""
    free_bytes: int = 1 << 30
    """Bytes out to which `ratio` does not apply: about one second of work."""
    spool_bytes: int = 16 << 30
    """Bytes of one temporary copy, made of an archive that is read from its end but is not a file."""
    seconds: float = 86_400
    """From the call to the last byte, including the time that the caller uses in between."""


class InputBudget:
    """What is left of the limits; all reading counts against it.

    Raises InputTooLarge, InputTooMany or InputTooSlow, and again at each later call.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.output_bytes = 0  # out of containers
        self.input_bytes = 0  # of the outermost files
        self.members = 0  # files and members
        self._clock = clock
        self._deadline = clock() + limits.seconds

    def count_input(self, size: int) -> None:
        """Count `size` bytes of an outermost file, which may be read or have been."""
        self.input_bytes += size

    def count_member(self) -> None:
        """Count one file or member."""
        self.members += 1
        if self.members > self.limits.members:
            raise InputTooMany(
                f"there are more than {self.limits.members} files and members; the rest was not read"
            )
        self.count_output(0)

    def count_output(self, size: int) -> None:
        """Count `size` bytes that came out of a container."""
        self.output_bytes += size
        if self.output_bytes > self.limits.out_bytes:
            raise InputTooLarge(
                f"more than {self.limits.out_bytes // _MEGABYTE} MB were unpacked; the rest was not read"
            )
        ratio = self.limits.ratio
        if self.output_bytes > self.limits.free_bytes and self.output_bytes > self.input_bytes * ratio:
            raise InputTooLarge(
                f"unpacking gives more than {ratio} times the packed size, as with an archive built to fill "
                "disks; the rest was not read"
            )
        self.check_time()

    def check_time(self) -> None:
        if self._clock() > self._deadline:
            raise InputTooSlow(
                f"reading took longer than the limit of {self.limits.seconds:g} s; the rest was not read"
            )
