"""RAR and CAB, by libarchive in a process of its own, because faults in such readers are common.

The library is optional (`libarchive-c`, and libarchive of the system). The process has limits for memory and
time, writes no file, and has none of this program's environment. Its answer comes through a pipe, as a
stream. Of RAR 5, libarchive does not say that the end is missing, so that is looked at here.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from matching.errors import (
    InputDamaged,
    InputEncrypted,
    InputRefused,
    InputSpecial,
    InputTooLarge,
    InputTooSlow,
    InputTruncated,
    InputUnsupported,
)
from matching.inputs.containers import libarchive_child
from matching.inputs.containers.member import Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File

#: The kinds of archive that are unpacked so, with libarchive's names for them.
FORMATS = {"rar": "a RAR archive", "rar5": "a RAR archive", "cab": "a CAB archive"}
#: Bytes of address space. A dictionary of RAR 5 may have 1 GB; RAR itself uses 32 MB if nobody asks for more.
MEMORY = 1 << 30
#: Seconds without a word of the process.
SILENCE_S = 120.0
_PIPE_BYTES = 1 << 16
_FRAME_BYTES = 1 << 26
_MISSING = (
    "it is {what}, which is read only where libarchive is installed: install libarchive of the system "
    "(Debian: libarchive13) and `libarchive-c` (`pip install 'spillwatch[archives]'`), or unpack it, for "
    "example with `7z x`, and match the result"
)

_TRUNCATED = (
    "its data ends too early; if it is one of several volumes, put all of them into one folder, unpack the "
    "first one, for example with `7z x`, and match the result"
)
#: The last block of RAR 5 with its checksum; no other volume follows.
_RAR5_END = bytes.fromhex("1d77565103050400")
_TAIL_BYTES = 1 << 16  # in which it is looked for; other bytes may follow


def members(file: File, kind: str, budget: InputBudget) -> Iterator[Member]:
    """Yield members; raises InputRefused where the archive cannot be read on."""
    with _Child(file, kind, budget) as child:
        while True:
            letter, content = child.frame()
            if letter == b"Z":
                if kind == "rar5" and _RAR5_END not in file.read_at(
                    max(0, file.size - _TAIL_BYTES), _TAIL_BYTES
                ):
                    raise InputTruncated(_TRUNCATED)
                return
            if letter == b"X":
                raise _refusal(content)
            if letter == b"S":
                yield Member(content, InputSpecial("it is a link or a device, which is not followed"))
            elif letter == b"M":
                member = _MemberStream(child, budget)
                yield Member(content, member)
                member.read_to_end()


class _MemberStream:
    def __init__(self, child: _Child, budget: InputBudget) -> None:
        self._child, self._budget = child, budget
        self._ahead = memoryview(b"")
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while not self._ahead and not self._ended:
            letter, content = self._child.frame()
            if letter == b"D":
                self._ahead = memoryview(content)
                self._budget.count_output(len(content))
                continue
            self._ended = True
            if letter == b"F":
                raise _refusal(content)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(data)

    def read_to_end(self) -> None:
        """Pass the frames that are left of this member, whose own document says what is wrong with it."""
        while not self._ended:
            letter, content = self._child.frame()
            self._ended = letter != b"D"
            self._budget.count_output(len(content))


class _Child:
    """The process, with the archive as its standard input."""

    def __init__(self, file: File, kind: str, budget: InputBudget) -> None:
        self._what, self._budget = FORMATS[kind], budget
        seconds = max(1, math.ceil(min(budget.limits.seconds, 1 << 30)))
        os.lseek(file.descriptor, 0, os.SEEK_SET)
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a file of ours
            [sys.executable, "-I", "-B", Path(libarchive_child.__file__), kind, str(MEMORY), str(seconds)],
            stdin=file.descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ("PATH", "LIBARCHIVE") if name in os.environ},
            cwd="/",
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        self._ahead = bytearray()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def frame(self) -> tuple[bytes, bytes]:
        """Return the next frame; raises InputRefused if the process has ended without one, or is silent."""
        head = self._take(5)
        size = int.from_bytes(head[1:], "little")
        if size > _FRAME_BYTES:
            raise InputDamaged("unpacking it gave no answer that makes sense")
        return head[:1], self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._ahead) < size:
            self._budget.check_time()
            if not select.select([self._pipe], [], [], SILENCE_S)[0]:
                raise InputTooSlow(f"unpacking it gave nothing for {SILENCE_S:g} s; the rest was not read")
            data = os.read(self._pipe, _PIPE_BYTES)
            if not data:
                raise self._why_ended()
            self._ahead += data
        found = bytes(self._ahead[:size])
        del self._ahead[:size]
        return found

    def _why_ended(self) -> InputRefused:
        code = self._process.wait()
        if code == libarchive_child.MISSING:
            return InputUnsupported(_MISSING.format(what=self._what))
        if code == -signal.SIGXCPU:
            return InputTooSlow("unpacking it took longer than the limit; the rest was not read")
        return InputDamaged("the library that unpacks it has failed on it; the rest was not read")


def _refusal(words: bytes) -> InputRefused:
    """Return the error for libarchive's words."""
    said = words.decode("utf-8", "replace").lower()
    if "ncrypt" in said or "passphrase" in said or "password" in said:
        return InputEncrypted("it is encrypted; unpack it with its password first")
    if "allocate" in said or "memory" in said or "dictionary" in said:
        return InputTooLarge(f"unpacking it needs more than {MEMORY} bytes of memory, which is the limit")
    if "truncat" in said or "volume" in said or "end of file" in said:
        return InputTruncated(_TRUNCATED)
    if "unsupported" in said or "not supported" in said or "unavailable" in said or "unknown" in said:
        return InputUnsupported(
            "it is packed by a method that libarchive does not read; unpack it, for example with `7z x`, and "
            "match the result"
        )
    return InputDamaged("the packed data is damaged and cannot be unpacked further")
