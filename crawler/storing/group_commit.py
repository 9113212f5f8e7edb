"""Group commit: items that arrive while one batch is being written, or shortly after, go into the next batch.

So a quiet crawl writes each item at once, and a busy one needs one transaction and one fsync per batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Takes items and returns a future for each; `commit` gets them in order, in a thread, and returns a
    result for each.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        executor: Executor,
        *,
        limit: int,
        rest_s: float = 0.0,
    ) -> None:
        """`rest_s`: seconds to wait after a batch before the next one, unless that is full."""
        self._commit = commit
        self._executor = executor
        self._limit = limit
        self._rest_s = rest_s
        self._rest_ends_at = 0.0
        self._draining = False
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> asyncio.Future[R]:
        """Take an item; the future gets its result, or the error of its whole batch."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if len(self._waiting) >= self._limit:
            self._full.set()
        if self._task is None:
            self._task = loop.create_task(self._write_waiting())
        return future

    async def drain(self) -> None:
        """Return when every item taken so far is written or has failed."""
        self._draining = True
        self._full.set()
        while self._task is not None:
            await asyncio.wait([self._task])
        self._draining = False

    async def _write_waiting(self) -> None:
        while self._waiting:
            await self._rest()
            taken = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
            await self._write_batch(taken)
        self._task = None

    async def _rest(self) -> None:
        left = self._rest_ends_at - asyncio.get_running_loop().time()
        if left > 0 and not self._draining and len(self._waiting) < self._limit:
            self._full.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), left)

    async def _write_batch(self, taken: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in taken]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._executor, self._commit, items)
        except Exception as error:  # noqa: BLE001 - each future of this batch gets it
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        finally:
            self._rest_ends_at = asyncio.get_running_loop().time() + self._rest_s
        for (_, future), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)
