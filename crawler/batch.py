"""Group commit: what arrives while one batch is being written goes into the next.

So a quiet crawl writes each thing at once, and a busy one pays for one transaction and one fsync a batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batch(Generic[T, R]):
    """Items in, one future each; `commit` gets them in their order, in a thread, and returns a result for
    each.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        executor: Executor,
        *,
        limit: int,
        linger_s: float = 0.0,
    ) -> None:
        """`linger_s`: how long a batch that is not full waits for more."""
        self._commit = commit
        self._executor = executor
        self._limit = limit
        self._linger_s = linger_s
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> asyncio.Future[R]:
        """Take an item; the future has its result, or the error that its whole batch met with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if len(self._waiting) >= self._limit:
            self._full.set()
        if self._task is None:
            self._task = loop.create_task(self._work())
        return future

    async def drain(self) -> None:
        """Return when everything taken so far is written or has failed."""
        self._full.set()
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while self._waiting:
            if self._linger_s:
                await self._more()
            taken = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
            await self._write(taken)
        self._task = None

    async def _more(self) -> None:
        try:
            await asyncio.wait_for(self._full.wait(), self._linger_s)
        except TimeoutError:
            return
        if len(self._waiting) < 2 * self._limit:
            self._full.clear()

    async def _write(self, taken: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in taken]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._executor, self._commit, items)
        except Exception as error:  # noqa: BLE001 - it goes to everyone who waits for this batch
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)
