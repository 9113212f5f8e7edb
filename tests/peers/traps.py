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


# --- pages without an end


@page("/same-rows-for-ever")
async def same_rows_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Every page is the first one, under another number."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{key}", f"Database {key}") for key in range(5))
    return rows(*links, after=_next(f"?page={number + 1}"))


@page("/new-keys-for-ever")
async def new_keys_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Every page is the first one, and each link has something of its own on it."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{key}?from={number}", f"Database {key}") for key in range(5))
    return rows(*links, after=_next(f"?page={number + 1}"))


@page("/circle")
async def circle(site: Site, asked: Asked, writer: Writer) -> Answer:
    """After the third page comes the second."""
    number = int(asked.query.get("page", "1"))
    links = ((f"/offer/{number}{key}", f"Database {number}{key}") for key in range(5))
    return rows(*links, after=_next(f"?page={ {1: 2, 2: 3, 3: 2}[number] }"))


@page("/calendar")
async def calendar(site: Site, asked: Asked, writer: Writer) -> Answer:
    """After every month there is another one, with events of its own."""
    month = int(asked.query.get("month", "1"))
    links = ((f"/event/{month}-{day}", f"Event {month}-{day}") for day in range(1, 4))
    return rows(*links, after=_next(f"?month={month + 1}"))


@page("/calendar-in-the-list")
async def calendar_in_the_list(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Thirty days stand before five offers, and lead nowhere."""
    days = [(f"/day/{day}", f"Day {day}") for day in range(1, 31)]
    return rows(*days, *((f"/offer/{key}", f"Database {key}") for key in range(1, 6)))


# --- addresses


def _sessions(site: Site, name: str) -> Answer:
    visit = len(site.requests)
    return rows(*((f"/offer/{key}?{name}={visit:08x}{key}", f"Database {key}") for key in range(6)))


@page("/session-ids")
async def session_ids(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Every visitor gets links with a session of his own."""
    return _sessions(site, "PHPSESSID")


@page("/unknown-session-ids")
async def unknown_session_ids(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The same under a name that nobody has heard of."""
    return _sessions(site, "visitor")


@page("/redirects-to-the-front")
async def redirects_to_the_front(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A deleted thread, as many boards answer for it."""
    return Answer(status=302, headers=[("Location", "/")])


@page("/two-threads")
async def two_threads(site: Site, asked: Asked, writer: Writer) -> Answer:
    """One is there; the other one is for as long as the test says."""
    second = "/redirects-to-the-front" if site.failures_left else "/offer/2"
    return rows(("/offer/1", "Database 1"), (f"{second}?thread=2", "Database 2"))


@page("/")
async def front(site: Site, asked: Asked, writer: Writer) -> Answer:
    """What the selectors of an item would take for one."""
    return site.offer("1")


# --- answers


@page("/missing-200")
async def missing_200(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"<html><title>Page not found</title><p>It was moved, or never was.</p></html>")


@page("/429-forever")
async def too_many_requests_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """It does not say for how long."""
    return Answer(b"Later", status=429)


#: One title a page of "/mixed-charsets", and in which charset it is sent; synthetic.
CHARSETS = ("utf-8", "gb18030", "windows-1251", "utf-16")
TITLES = (
    "Datenbank mit Umlauten äöü aus Köln und Zürich",
    "出售趣店学生数据一百万条，包括姓名电话地址，今天更新",
    "Продам базу данных клиентов банка, все строки проверены",
    "Fresh database of a shop, all rows verified",
)


@page("/mixed-charsets")
async def mixed_charsets(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each page is in another charset, and none says in which."""
    number = int(asked.query.get("page", "0"))
    onward = _next(f"?page={number + 1}") if number + 1 < len(TITLES) else ""
    body = rows((f"/offer/{number}", TITLES[number]), after=onward).body.decode()
    return Answer(body.encode(CHARSETS[number]), content_type="text/html")
