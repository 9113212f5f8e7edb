"""Files with a secret that a source's file names. Other users of the machine must not be able to read one."""

from __future__ import annotations

import stat
from pathlib import Path

from crawler.errors import FetchRefused


def read_secret_file(
    path: Path, limit: int, *, setting: str, holds: str, refusal: type[FetchRefused]
) -> bytes:
    """Return at most `limit` bytes and one more, which shows that the file is longer.

    Raises `refusal`, which quotes nothing of the file. `setting` names it there, `holds` says what is in it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise refusal(f"{setting} is {path}, which cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise refusal(f"{path} has mode {mode:04o}: other users can read {holds}. Run: chmod 600 {path}")
    return content
