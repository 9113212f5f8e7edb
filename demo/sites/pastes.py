"""The paste site: a list of recent pastes, and each paste as plain text."""

from __future__ import annotations

from aiohttp import web

from demo.postings import SiteSection
from demo.sites.pages import BOARD, find, rendered

routes = web.RouteTableDef()


@routes.get("/")
async def recent(request: web.Request) -> web.Response:
    board = request.app[BOARD]
    html = rendered("paste_list.html", pastes=board.newest_first(SiteSection.PASTES), board=board)
    return web.Response(text=html, content_type="text/html", charset="utf-8")


@routes.get("/raw/{key}")
async def raw(request: web.Request) -> web.Response:
    posting = find(request, SiteSection.PASTES)
    return web.Response(text=posting.body + "\n", content_type="text/plain", charset="utf-8")
