"""A disk that is really full: a small file system in memory, mounted for one test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILLER = "filler"


@contextmanager
def small_disk(folder: Path, *, size_kb: int = 1024) -> Iterator[Path]:
    """Mount a file system of this size at the folder. Mark the test with needs("mount")."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={size_kb}k,mode=0700", "none", str(folder))
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


def fill_disk(folder: Path, *, spare: int = 0) -> None:
    """Fill the disk to its last byte; then free `spare` bytes, in whole pages."""
    with (folder / FILLER).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(file.tell() - spare)


def free_disk(folder: Path) -> None:
    (folder / FILLER).unlink()
