"""Communication of a demo's child process with its parent: JSON lines out, lines in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping


def write_event(event: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
    sys.stdout.flush()


async def read_lines() -> AsyncIterator[str]:
    """Yield each line of standard input. Ends when the input is closed, also by the parent's death."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        yield line.decode().strip()
