"""More pages for the site in `web`, each named after what it does wrong: walls, and traps for crawlers.

Import it before the first request.
"""

from __future__ import annotations

from tests.peers.walls import WALLS, Wall, mybb
from tests.peers.web import Answer, Asked, Site, Writer, listing_page, page

ROWS = 5


def wall_answer(wall: Wall) -> Answer:
    return Answer(wall.body.encode(), status=wall.status, headers=list(wall.headers.items()))


def _register_wall_page(name: str) -> None:
    @page(f"/walls/{name}")
    async def walled(site: Site, asked: Asked, writer: Writer) -> Answer:
        return wall_answer(WALLS[name])


for each in WALLS:
    _register_wall_page(each)


def rows_page(*links: tuple[str, str], after: str = "") -> Answer:
    """Return a list page in the form of the site's own, from (address, title)."""
    shown = "".join(f"<tr class='row'><td><a href='{url}'>{title}</a></td></tr>" for url, title in links)
    return Answer(f"<html><body><table>{shown}</table>{after}</body></html>".encode())


def _next_link(url: str) -> str:
    return f"<a rel='next' href='{url}'>next</a>"


# --- walls


@page("/redirect-to-login")
async def redirect_to_login(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(status=302, headers=[("Location", "/member.php?action=login")])


@page("/member.php")
async def login(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A login page that also contains the rows of a list."""
    return Answer(mybb(listing_page(site).body.decode()).encode())


@page("/wall-after-page-1")
async def wall_after_page_1(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The second page is a captcha, so the third must not be requested."""
    number = int(asked.query.get("page", "1"))
    if number > 1:
        return wall_answer(WALLS["recaptcha"])
    return rows_page(*((f"/offer/{key}", "A database") for key in range(1, 6)), after=_next_link("?page=2"))


@page("/wall-behind-each-row")
async def wall_behind_each_row(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list is public, but each row leads to a wall."""
    return rows_page(*((f"/walls/xenforo-403?thread={key}", f"Database {key}") for key in range(3)))


# --- endless pages


@page("/same-rows-for-ever")
async def same_rows_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each page repeats the first one under another number."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{key}", f"Database {key}") for key in range(5))
    return rows_page(*links, after=_next_link(f"?page={number + 1}"))


@page("/new-keys-for-ever")
async def new_keys_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each page repeats the first one, with a new parameter on each link."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{key}?from={number}", f"Database {key}") for key in range(5))
    return rows_page(*links, after=_next_link(f"?page={number + 1}"))


@page("/circle")
async def circle(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The third page leads back to the second."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{number}{key}", f"Database {number}{key}") for key in range(5))
    return rows_page(*links, after=_next_link(f"?page={ {1: 2, 2: 3, 3: 2}[number] }"))


@page("/calendar")
async def calendar(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each month has a next one, with its own events."""
    month = int(asked.query.get("month", "1"))
    links = ((f"/event/{month}-{day}", f"Event {month}-{day}") for day in range(1, 4))
    return rows_page(*links, after=_next_link(f"?month={month + 1}"))


@page("/calendar-in-the-list")
async def calendar_in_the_list(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Thirty days, which lead nowhere, come before five offers."""
    days = [(f"/day/{day}", f"Day {day}") for day in range(1, 31)]
    return rows_page(*days, *((f"/offer/{key}", f"Database {key}") for key in range(1, 6)))


# --- addresses


def _rows_with_sessions(site: Site, name: str) -> Answer:
    visit = len(site.requests)
    return rows_page(*((f"/offer/{key}?{name}={visit:08x}{key}", f"Database {key}") for key in range(6)))


@page("/session-ids")
async def session_ids(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each visitor gets links with a new session."""
    return _rows_with_sessions(site, "PHPSESSID")


@page("/unknown-session-ids")
async def unknown_session_ids(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each visitor gets links with a new session under an unknown name."""
    return _rows_with_sessions(site, "visitor")


@page("/redirects-to-the-front")
async def redirects_to_the_front(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Redirects to the front page, as many boards do for a deleted thread."""
    return Answer(status=302, headers=[("Location", "/")])


@page("/two-threads")
async def two_threads(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Two threads. While `failures_left` is set, the second one redirects to the front page."""
    second = "/redirects-to-the-front" if site.failures_left else "/offer/2"
    return rows_page(("/offer/1", "Database 1"), (f"{second}?thread=2", "Database 2"))


@page("/")
async def front(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The selectors of an item page match this page."""
    return site.offer("1")


# --- answers


@page("/missing-200")
async def missing_200(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"<html><title>Page not found</title><p>It was moved, or never was.</p></html>")


@page("/429-forever")
async def too_many_requests_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """429 without a Retry-After."""
    return Answer(b"Later", status=429)


#: One title per page of "/mixed-charsets", and the charset of each page; synthetic.
CHARSETS = ("utf-8", "gb18030", "windows-1251", "utf-16")
TITLES = (
    "Datenbank mit Umlauten äöü aus Köln und Zürich",
    "出售趣店学生数据一百万条，包括姓名电话地址，今天更新",
    "Продам базу данных клиентов банка, все строки проверены",
    "Fresh database of a shop, all rows verified",
)


@page("/mixed-charsets")
async def mixed_charsets(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each page has another charset, and none declares it."""
    number = int(asked.query.get("page", "0"))
    onward = _next_link(f"?page={number + 1}") if number + 1 < len(TITLES) else ""
    body = rows_page((f"/offer/{number}", TITLES[number]), after=onward).body.decode()
    return Answer(body.encode(CHARSETS[number]), content_type="text/html")
