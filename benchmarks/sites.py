"""A web site in a process of its own; its CPU time is not counted as long as it runs."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web

Routes = Callable[[], list[web.RouteDef]]  # called in the other process, so it must be a function of a module


@contextmanager
def site(routes: Routes) -> Iterator[str]:
    """Start a server with these routes, and yield its address."""
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
