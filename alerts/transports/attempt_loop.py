"""The event loop of one attempt to deliver, which ends when the attempt does.

`asyncio.run` waits for the threads of its loop. If the resolver does not answer, such a thread goes on for
many seconds after the attempt's time limit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class _UnawaitedThreads(ThreadPoolExecutor):
    """Runs each call in a daemon thread that nobody waits for: neither the loop's end nor the process's."""

    def submit(self, function: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        future: Future[T] = Future()

        def call() -> None:
            try:
                result = function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        threading.Thread(target=call, name="resolver", daemon=True).start()
        return future


def run_attempt(attempt: Coroutine[Any, Any, T]) -> T:
    """Run an attempt to its end and return its result, without waiting for a name that is still looked up."""

    async def within_loop() -> T:
        asyncio.get_running_loop().set_default_executor(_UnawaitedThreads(1))
        return await attempt

    return asyncio.run(within_loop())
