"""A web site in a process of its own; its CPU time is not counted as long as it runs."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web

LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"  # for benchmarks that need thousands of loopback addresses
Routes = Callable[[], list[web.RouteDef]]  # called in the other process, so it must be a function of a module


@contextmanager
def site(routes: Routes, *, every_address: bool = False) -> Iterator[str]:
    """Start a server with these routes, and yield its address; `every_address`: it listens on all of them."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(
        target=_serve, args=(routes, theirs, ANY if every_address else LOOPBACK), daemon=True
    )
    server.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(routes: Routes, ready: Connection, address: str) -> None:
    asyncio.run(_listen(routes, ready, address))


async def _listen(routes: Routes, ready: Connection, address: str) -> None:
    application = web.Application()
    application.add_routes(routes())
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, 0).start()
    ready.send(runner.addresses[0][1])
    await asyncio.Event().wait()
