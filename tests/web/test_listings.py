"""Listings, one listing and sellers: searches, phrases, what may be seen, and hostile text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from storage.audit_log import AuditEntry
from storage.listing_tables import Listing
from storage.users import Role
from tests.alerts.hostile import CORPUS, MARK
from tests.alerts.world import World
from tests.peers.browser import opened
from tests.web.running import RunningConsole
from web.highlighting import marked_line, snippet
from web.pages.listings import seller_key, seller_of

#: What crawled text must never become.
FORBIDDEN = "main a[href^='http'], main a[href^='javascript'], main img, main script, main style"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def titles(
    console: RunningConsole, address: str, name: str = "anna", company: str | None = None
) -> list[str]:
    """Return the titles on a page of listings, for a new person."""
    text = console.signed_in(name, {company: Role.VIEWER}).get(address).text
    rows = text.split('<li class="panel">')[1:]
    return [row.partition("<bdi>")[2].partition("</bdi>")[0] for row in rows if "<bdi>" in row]


def test_a_chinese_phrase_is_found_as_it_was_written(console: RunningConsole, world: World) -> None:
    """Both texts have the pairs 客户, 户数 and 数据; only one has the phrase."""
    world.crawl("1", text="1", title="one", body="出售客户数据，一手")
    world.crawl("2", text="2", title="two", body="数据很多。客户很多。门户数量")
    assert titles(console, "/listings?q=客户数据") == ["one"]
    assert titles(console, "/listings?q=客户", "bob") == ["two", "one"]


def test_filters_and_pages_keep_what_was_asked(console: RunningConsole, world: World) -> None:
    for number in range(60):
        world.crawl(
            f"k{number}", text=f"{number}", title=f"offer {number}", seller="tin" if number % 2 else "oak"
        )
    world.crawl("forum", source="forum", text="f", title="elsewhere", seller="tin")
    page = console.signed_in("anna").get("/listings?seller=oak&q=contact&min_price=&since=").text
    first = titles(console, "/listings?q=contact", "bob")
    following = page.partition('class="pages"')[2]
    assert (page.count('<li class="panel">'), "pages" in page, following) == (30, False, "")
    assert (len(first), first[0]) == (50, "elsewhere")
    rest = console.signed_in("eve").get("/listings?q=contact").text.partition('class="pages"')[2]
    address = rest.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert titles(console, address, "kim") == [f"offer {number}" for number in range(10, -1, -1)]


@pytest.mark.parametrize(
    "address",
    ["/listings?min_price=x", "/listings?since=yesterday", "/listings?below=0", "/listings?q=" + "x" * 501],
)
def test_a_filter_that_cannot_be_is_refused(console: RunningConsole, address: str) -> None:
    assert console.signed_in().get(address).status_code == 422


def test_who_sees_one_company_sees_its_listings_only(console: RunningConsole, world: World) -> None:
    world.declare_second_company()
    world.match(world.crawl("1", text="1", title="of harbour", seller="tin"), company="harbour")
    world.match(world.crawl("2", text="2", title="of qudian", seller="tin"))
    world.crawl("3", text="3", title="of nobody", seller="oak")
    views = {
        None: ["of nobody", "of qudian", "of harbour"],
        "qudian": ["of qudian"],
        "harbour": ["of harbour"],
    }
    for number, (company, seen) in enumerate(views.items()):
        for turn, address in enumerate(("/listings", "/listings?q=contact", "/listings?min_records=5")):
            assert titles(console, address, f"p{number}{turn}", company) == seen, (company, address)
    assert titles(console, "/listings?company=harbour", "kim", "qudian") == []
    eve = console.signed_in("eve", {"harbour": Role.ADMIN})
    hidden, missing = eve.get("/listings/2"), eve.get("/listings/99")
    assert (hidden.status_code, hidden.text) == (404, missing.text)
    assert eve.get(f"/sellers/{seller_key('oak')}").status_code == 404
    assert "of qudian" not in eve.get(f"/sellers/{seller_key('tin')}").text


def test_a_search_is_in_the_audit_log_with_its_numbers_masked(console: RunningConsole) -> None:
    console.signed_in().get("/listings", params={"q": "quillmere 13812345678"})
    with console.database.reading() as session:
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.action == "search"))
    assert entry.detail == {"words": "quillmere 138****5678", "found": 0}


@pytest.mark.parametrize("name", ["greyheron", "北窗", "a/b?c#d", "../../x", "\u202eevil"])
def test_a_sellers_name_comes_back_from_its_address(name: str) -> None:
    assert seller_of(seller_key(name)) == name
    assert seller_key(name).isascii()


@pytest.mark.parametrize("key", ["!", "A", "_w", "x" * 5000])
def test_a_key_that_is_none(key: str) -> None:
    assert seller_of(key) in (None, "\x00") or len(key) == 1


def test_what_was_found_is_marked_within_harmless_text() -> None:
    assert marked_line("<b>Data</b> data", ["data"]) == (
        "<bdi>&lt;b&gt;<mark>Data</mark>&lt;/b&gt; <mark>data</mark></bdi>"
    )
    assert "<mark>客户数据</mark>" in snippet("x " * 200 + "出售客户数据" + " y" * 200, ["客户数据"])


@pytest.mark.needs("chromium")
@ON_SQLITE
def test_hostile_text_is_text_on_each_page(console: RunningConsole, world: World, browser: Browser) -> None:
    """Nothing runs, nothing is loaded, nothing is a link, and no page becomes wider than the window."""
    texts = [text[:5000] for text in CORPUS.values()]
    for number, text in enumerate(texts):
        version = world.crawl(f"k{number}", text=text, title=text, body=text, sample=text, seller=text[:200])
        world.match(version)
        world.clock.advance(minutes=1)
    with console.database.reading() as session:
        sellers = [each for each in session.scalars(select(Listing.seller)) if each]
    addresses = ["/listings", f"/listings?q={MARK}"]
    addresses += [f"/listings/{number}?q={MARK}" for number in range(1, len(texts) + 1)]
    addresses += [f"/sellers/{seller_key(name)}" for name in sellers[4:8]]
    asked: list[str] = []
    with opened(browser, console, console.add_person(), width=360) as page:
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        for address in addresses:
            page.goto(address)
            assert page.locator(FORBIDDEN).count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= 361, address
    asked = [each for each in asked if not each.startswith(console.url)]
    assert asked == []


@pytest.mark.needs("chromium")
@ON_SQLITE
def test_a_search_from_words_to_the_listing(console: RunningConsole, world: World, browser: Browser) -> None:
    world.add_finding("1")
    world.clock.advance(hours=1)
    world.crawl(
        "1",
        text="changed",
        title="出售趣店学生数据",
        body="客户数据 much more",
        price_amount=None,
        price_currency=None,
    )
    token = console.add_person(language="zh")
    for scripts in (True, False):
        with opened(browser, console, token, scripts=scripts, color_scheme="dark") as page:
            page.goto("/listings")
            page.get_by_label("关键词").fill("客户数据")
            page.get_by_role("button", name="搜索").click()
            expect(page.locator(".results mark")).to_have_text("客户数据")
            page.locator(".results h2 a").click()
            expect(page.locator("pre mark")).to_have_text("客户数据")
            expect(page.locator("main a[href^='/findings/']")).to_have_count(1)
            expect(page.locator("del").filter(has_text="0.5")).to_have_count(1)
