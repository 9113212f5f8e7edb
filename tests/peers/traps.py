"""More pages of the site in `web`, each named after what it does wrong: walls, and traps for whoever follows
links. Import it before the site is asked.
"""

from __future__ import annotations

from tests.peers.walls import WALLS, Wall, mybb
from tests.peers.web import Answer, Asked, Site, Writer, listing_page, page

ROWS = 5


def answered(wall: Wall) -> Answer:
    return Answer(wall.body.encode(), status=wall.status, headers=list(wall.headers.items()))


def _wall(name: str) -> None:
    @page(f"/walls/{name}")
    async def walled(site: Site, asked: Asked, writer: Writer) -> Answer:
        return answered(WALLS[name])


for each in WALLS:
    _wall(each)


def rows(*links: tuple[str, str], after: str = "") -> Answer:
    """A list in the shape of the site's own, of (address, title)."""
    shown = "".join(f"<tr class='row'><td><a href='{url}'>{title}</a></td></tr>" for url, title in links)
    return Answer(f"<html><body><table>{shown}</table>{after}</body></html>".encode())


def _next(url: str) -> str:
    return f"<a rel='next' href='{url}'>next</a>"


# --- walls on the way


@page("/redirect-to-login")
async def redirect_to_login(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(status=302, headers=[("Location", "/member.php?action=login")])


@page("/member.php")
async def login(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A login page that shows what a list shows, too."""
    return Answer(mybb(listing_page(site).body.decode()).encode())


@page("/wall-after-page-1")
async def wall_after_page_1(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The second page is a captcha; the third is never to be asked for."""
    number = int(asked.query.get("page", "1"))
    if number > 1:
        return answered(WALLS["recaptcha"])
    return rows(*((f"/offer/{key}", "A database") for key in range(1, 6)), after=_next("?page=2"))


@page("/wall-behind-each-row")
async def wall_behind_each_row(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list is there for everybody, what it leads to is not."""
    return rows(*((f"/walls/xenforo-403?thread={key}", f"Database {key}") for key in range(3)))
