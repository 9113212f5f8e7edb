"""The Chinese forum: tables (for XPath) in GBK. Lists, and threads with odd numbers, do not declare it.

Such pages are common in reality; a reader that trusts headers sees mojibake.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from demo.postings import SiteSection
from demo.sites.pages import BOARD, PER_PAGE, find, page_number, rendered

BEIJING = ZoneInfo("Asia/Shanghai")

routes = web.RouteTableDef()


@routes.get("/")
async def threads(request: web.Request) -> web.Response:
    board, page = request.app[BOARD], page_number(request)
    every = board.newest_first(SiteSection.THREADS)
    shown = every[(page - 1) * PER_PAGE : page * PER_PAGE]
    rows = [(each, board.posted_at(each).astimezone(BEIJING)) for each in shown]
    older = page + 1 if len(every) > page * PER_PAGE else None
    return _gbk(rendered("forum_list.html", rows=rows, older=older), declared=False)


@routes.get(r"/thread-{key:\d+}.html")
async def thread(request: web.Request) -> web.Response:
    posting = find(request, SiteSection.THREADS)
    posted = request.app[BOARD].posted_at(posting).astimezone(BEIJING)
    html = rendered("forum_thread.html", thread=posting, posted=posted)
    return _gbk(html, declared=int(posting.key) % 2 == 0)


def _gbk(html: str, *, declared: bool) -> web.Response:
    kind = "text/html; charset=gbk" if declared else "text/html"
    return web.Response(body=html.encode("gbk"), headers={"Content-Type": kind})
