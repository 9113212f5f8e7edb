"""Shared by the three sites: the board, templates, page numbers, and the choice between 404 and 410."""

from __future__ import annotations

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from demo.postings import Posting, PostingBoard, SiteSection

BOARD = web.AppKey("board", PostingBoard)
PER_PAGE = 6

_templates = Environment(
    loader=PackageLoader("demo.sites"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rendered(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values)


def page_number(request: web.Request) -> int:
    page = request.query.get("page", "1")
    return int(page) if page.isdecimal() and page != "0" else 1


def find(request: web.Request, section: SiteSection) -> Posting:
    """Return the posting in the request's path. Answer 410 if it was removed, 404 if it never existed."""
    board, key = request.app[BOARD], request.match_info["key"]
    posting = board.find(section, key)
    if posting is not None:
        return posting
    if board.is_gone(section, key):
        raise web.HTTPGone(text="This posting was removed. (Synthetic practice page.)")
    raise web.HTTPNotFound(text="This posting does not exist. (Synthetic practice page.)")
