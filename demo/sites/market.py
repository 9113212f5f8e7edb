"""The marketplace: HTML with classes (for CSS), text attachments, an RSS feed, a JSON API with a cursor."""

from __future__ import annotations

from email.utils import format_datetime

from aiohttp import web

from demo.postings import Posting, PostingBoard, SiteSection
from demo.sites.pages import BOARD, PER_PAGE, find, page_number, rendered

_API_PAGE = 4

routes = web.RouteTableDef()


@routes.get("/")
async def offers(request: web.Request) -> web.Response:
    board, page = request.app[BOARD], page_number(request)
    every = board.newest_first(SiteSection.OFFERS)
    shown = every[(page - 1) * PER_PAGE : page * PER_PAGE]
    older = page + 1 if len(every) > page * PER_PAGE else None
    html = rendered("market_list.html", offers=shown, board=board, older=older)
    return web.Response(text=html, content_type="text/html", charset="utf-8")


@routes.get("/offer/{key}")
async def offer(request: web.Request) -> web.Response:
    return _page(request, SiteSection.OFFERS)


@routes.get("/offer/{key}/sample.csv")
async def attachment(request: web.Request) -> web.Response:
    posting = find(request, SiteSection.OFFERS)
    if not posting.attachment:
        raise web.HTTPNotFound(text="This offer has no attachment.")
    return web.Response(text=posting.attachment + "\n", content_type="text/csv", charset="utf-8")


@routes.get("/news.xml")
async def news(request: web.Request) -> web.Response:
    board = request.app[BOARD]
    entries = [
        (each, format_datetime(board.posted_at(each))) for each in board.newest_first(SiteSection.NEWS)
    ]
    xml = rendered("market_news.xml", entries=entries, home=str(request.url.origin()))
    return web.Response(text=xml, content_type="application/rss+xml", charset="utf-8")


@routes.get("/news/{key}")
async def news_entry(request: web.Request) -> web.Response:
    return _page(request, SiteSection.NEWS)


@routes.get("/logs/{key}")
async def log(request: web.Request) -> web.Response:
    return _page(request, SiteSection.LOGS)


@routes.get("/api/logs")
async def logs(request: web.Request) -> web.Response:
    """Answer with `_API_PAGE` items, newest first. `cursor` is the key of the last item already seen."""
    board = request.app[BOARD]
    every = board.newest_first(SiteSection.LOGS)
    keys = [posting.key for posting in every]
    cursor = request.query.get("cursor", "")
    first = keys.index(cursor) + 1 if cursor in keys else 0
    shown = every[first : first + _API_PAGE]
    after = shown[-1].key if len(every) > first + _API_PAGE else None
    return web.json_response(
        {"notice": "synthetic practice data", "items": [_item(p, board) for p in shown], "next": after}
    )


def _page(request: web.Request, section: SiteSection) -> web.Response:
    posting = find(request, section)
    html = rendered("market_offer.html", offer=posting, posted=request.app[BOARD].posted_at(posting))
    return web.Response(text=html, content_type="text/html", charset="utf-8")


def _item(posting: Posting, board: PostingBoard) -> dict[str, object]:
    amount, currency = posting.price.split()
    return {
        "id": int(posting.key),
        "title": posting.title,
        "text": posting.body,
        "vendor": {"name": posting.seller},
        "price": {"amount": amount, "currency": currency},
        "count": posting.records,
        "posted": board.posted_at(posting).isoformat(),
        "url": posting.path,
    }
