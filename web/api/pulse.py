"""Whether any finding has changed: one look a second for all open streams of this process together."""

from __future__ import annotations

import asyncio

from storage.database.base import Database
from storage.errors import StorageError
from storage.visible.findings_by_time import Place, newest_change
from storage.visible.visibility import EVERYTHING

LOOK_S = 1.0


class ChangePulse:
    """`hold` it while a stream is open; it looks only while somebody does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams = 0
        self._newest: Place | None = None
        self._beat = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def hold(self) -> None:
        self._streams += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    def release(self) -> None:
        self._streams -= 1

    async def wait(self, seconds: float) -> None:
        """Wait for a change, and no longer than this."""
        beat = self._beat
        try:
            await asyncio.wait_for(beat.wait(), seconds)
        except TimeoutError:
            return

    async def _look(self) -> None:
        while self._streams > 0:
            try:
                newest = await asyncio.to_thread(self._read)
            except StorageError:  # streams look by themselves, too, and end if that fails
                newest = self._newest
            if newest != self._newest:
                self._newest = newest
                beat, self._beat = self._beat, asyncio.Event()
                beat.set()
            await asyncio.sleep(LOOK_S)

    def _read(self) -> Place | None:
        with self._database.reading() as session:
            return newest_change(session, EVERYTHING)
