"""A web site of the benchmarks, in a process of its own: what that takes is not counted while it lives."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web

Routes = Callable[[], list[web.RouteDef]]  # called in the other process, so it has to be a module's function


@contextmanager
def site(routes: Routes) -> Iterator[str]:
    """The address of a server with these routes."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve, args=(routes, theirs), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(routes: Routes, ready: Connection) -> None:
    asyncio.run(_listen(routes, ready))


async def _listen(routes: Routes, ready: Connection) -> None:
    application = web.Application()
    application.add_routes(routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.send(runner.addresses[0][1])
    await asyncio.Event().wait()
