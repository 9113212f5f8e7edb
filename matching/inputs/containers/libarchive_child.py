"""A program that unpacks one archive with libarchive, for `libarchive_members`. It imports nothing of ours.

    python -I libarchive_child.py FORMAT MEMORY_BYTES CPU_SECONDS < ARCHIVE

It writes frames to standard output: a letter, the length of what follows as four bytes, and that.

    M name      a member begins        S name      a member that is no file
    D bytes     of its content         E           it ends
    F words     it cannot be read on   X words     the archive cannot be read on
    Z           the archive ends

Exit code 10: libarchive is not installed.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import struct
import sys
from collections.abc import Callable
from typing import Any

MISSING = 10
_NAME_BYTES = 4096
_WORDS = 500


def write_frame(letter: bytes, content: bytes = b"") -> None:
    data = letter + struct.pack("<I", len(content)) + content
    while data:
        data = data[os.write(1, data) :]


def limit_this_process(memory: int, seconds: int) -> None:
    """The archive is a stranger's: no more memory and time than this, and no file is written."""
    for kind, amount in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            amount = min(amount, hard)
        resource.setrlimit(kind, (amount, amount))


def unpack(library: Any, format_: str) -> None:  # noqa: ANN401 - a module without annotations
    is_encrypted = _encryption_test(library)
    with library.fd_reader(0, format_name=format_, filter_name="none") as archive:
        for entry in archive:
            if entry.isdir:
                continue
            name = _name_of(entry)
            if not entry.isfile:
                write_frame(b"S", name)
                continue
            write_frame(b"M", name)
            if is_encrypted(entry):  # libarchive would return the encrypted bytes of some
                write_frame(b"F", b"encrypted")
                continue
            try:
                for block in entry.get_blocks():
                    write_frame(b"D", block)
            except library.ArchiveError as error:
                write_frame(b"F", _words(error))
            else:
                write_frame(b"E")
    write_frame(b"Z")


def _encryption_test(library: Any) -> Callable[[Any], bool]:  # noqa: ANN401 - as above
    """Return a function of libarchive that its Python interface does not have."""
    function = library.ffi.libarchive.archive_entry_is_encrypted
    function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_int
    return lambda entry: bool(function(entry._entry_p))


def _name_of(entry: Any) -> bytes:  # noqa: ANN401 - as above
    try:
        name = entry.pathname
    except UnicodeError:
        name = None
    data = name.encode("utf-8", "replace") if isinstance(name, str) else name or b"?"
    return bytes(data[:_NAME_BYTES])


def _words(error: Exception) -> bytes:
    return str(getattr(error, "msg", None) or error)[:_WORDS].encode("utf-8", "replace")


def main(format_: str, memory: str, seconds: str) -> int:
    try:
        library = importlib.import_module("libarchive")
    except (ImportError, OSError, AttributeError, TypeError):  # the module, or the library behind it
        return MISSING
    limit_this_process(int(memory), int(seconds))
    try:
        unpack(library, format_)
    except library.ArchiveError as error:
        write_frame(b"X", _words(error))
    except MemoryError:
        write_frame(b"X", b"Can't allocate memory")
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
