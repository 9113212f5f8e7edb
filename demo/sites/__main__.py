"""The process that serves the practice sites.

It prints the JSON line `{"ready": {"market": URL, "forum": URL, "pastes": URL}}` when it serves. Each line on
standard input is a step (`postings.Step` in JSON). It is played and answered with `{"played": DESCRIPTION}`.
The process ends when standard input is closed, so that it never outlives its parent.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from aiohttp import web

from demo.json_lines import read_lines, write_event
from demo.postings import STEP, PostingBoard
from demo.sites import forum, market, pastes
from demo.sites.pages import BOARD

_SITES = {"market": market.routes, "forum": forum.routes, "pastes": pastes.routes}


async def open_site(board: PostingBoard, routes: web.RouteTableDef) -> tuple[web.AppRunner, str]:
    """Serve a site on a free loopback port. Return its runner and its address."""
    app = web.Application()
    app[BOARD] = board
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}/"


async def serve() -> None:
    board = PostingBoard(opened=datetime.now(UTC).replace(microsecond=0))
    sites = {name: await open_site(board, routes) for name, routes in _SITES.items()}
    write_event({"ready": {name: url for name, (_, url) in sites.items()}})
    async for line in read_lines():
        step = STEP.validate_json(line)
        board.play(step)
        write_event({"played": step.description})
    for runner, _ in sites.values():
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
