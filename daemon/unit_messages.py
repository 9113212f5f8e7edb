"""What the daemon and a process that matches units say to each other, in lines of JSON.

The daemon sends a `UnitSetup`, then one `UnitJob` after another. The process answers each job with one
`UnitAnswer`, before which it says from time to time that it is alive. The bytes of a result follow its line.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ALIVE = b'{"alive": true}\n'
ALIVE_EVERY_S = 5.0
#: Of one line; a unit of a thousand files has 100 KB.
MAX_LINE_BYTES = 16 << 20
#: Of one result: 32 bytes for each customer that was hit, compressed.
MAX_RESULT_BYTES = 1 << 28
_READ_BYTES = 1 << 16
_BABBLE = "its process said something that is no answer"


@dataclass(frozen=True, slots=True)
class UnitSetup:
    """`config`: the settings' file; `threads`: with which each unit is matched."""

    config: str
    parent_pid: int
    memory_mb: int
    threads: int


@dataclass(frozen=True, slots=True)
class UnitJob:
    unit: Mapping[str, Any]
    options: Mapping[str, int]
    company: str | None
    watch_version: str


@dataclass(frozen=True, slots=True)
class UnitAnswer:
    """A result of so many bytes; or why this node cannot match the unit (`refused`), or failed at it."""

    result_bytes: int = 0
    refused: str = ""
    sentence: str = ""


def message_line(message: UnitSetup | UnitJob | UnitAnswer) -> bytes:
    return json.dumps(asdict(message)).encode() + b"\n"


def setup_from_line(line: bytes) -> UnitSetup:
    return UnitSetup(**json.loads(line))


def job_from_line(line: bytes) -> UnitJob:
    return UnitJob(**json.loads(line))


class JobReader:
    """Reads lines from the daemon, and knows whether there is one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = bytearray()

    def line(self, *, wait_s: float | None = None) -> bytes:
        """Return the next line; empty if the pipe was closed, or if there is none for so many seconds."""
        while (end := self._ahead.find(b"\n")) < 0:
            readable, _, _ = select.select([self._descriptor], [], [], wait_s)
            data = os.read(self._descriptor, _READ_BYTES) if readable else b""
            if not data:
                return b""
            self._ahead += data
        line = bytes(self._ahead[: end + 1])
        del self._ahead[: end + 1]
        return line


class NoAnswer(Exception):
    """What the process did instead of answering, or that nobody wants the answer any more."""


class AnswerReader:
    """Reads answers from a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = bytearray()

    def read(self, *, on_wait: Callable[[], bool], silent_s: float) -> tuple[UnitAnswer, bytes] | None:
        """Return the next answer and the bytes of its result; None: the pipe was closed before.

        `on_wait` is called every few seconds; False ends the wait by raising NoAnswer, as does silence.
        """
        line = self._until_line(on_wait, silent_s)
        if line is None:
            return None
        try:
            answer = UnitAnswer(**json.loads(line))
        except (ValueError, TypeError):
            raise NoAnswer(_BABBLE) from None
        if not 0 <= answer.result_bytes <= MAX_RESULT_BYTES:
            raise NoAnswer(_BABBLE)
        while len(self._ahead) < answer.result_bytes:
            if not self._read_more(on_wait, time.monotonic() + silent_s):
                return None
        return answer, self._take(answer.result_bytes)

    def _until_line(self, on_wait: Callable[[], bool], silent_s: float) -> bytes | None:
        until = time.monotonic() + silent_s
        while True:
            end = self._ahead.find(b"\n")
            if end < 0:
                if len(self._ahead) > MAX_LINE_BYTES:
                    raise NoAnswer(_BABBLE)
                if not self._read_more(on_wait, until):
                    return None
                continue
            line = self._take(end + 1)
            if line != ALIVE:
                return line
            until = time.monotonic() + silent_s

    def _read_more(self, on_wait: Callable[[], bool], until: float) -> bool:
        """Read what is there, waiting for it; False: the pipe was closed."""
        while True:
            readable, _, _ = select.select([self._descriptor], [], [], ALIVE_EVERY_S)
            if not on_wait() or time.monotonic() > until:
                raise NoAnswer("its process made no progress for too long")
            if readable:
                data = os.read(self._descriptor, _READ_BYTES)
                self._ahead += data
                return bool(data)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken
