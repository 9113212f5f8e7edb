"""The search of listings and one listing: what is found, marked, counted and seen, by whom."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from storage import listing_filters
from storage.audit_log import AuditEntry
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import Listing, ListingVersion
from storage.users import Role
from storage.visible import listings as visible
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, running_console
from web.highlights import Highlights


def titles(page: httpx.Response) -> list[str]:
    rows = page.text.partition('<tbody id="rows">')[2].partition("</tbody>")[0]
    return [re.sub("<[^>]+>", "", each) for each in re.findall(r'<a href="/listings/\d+">(.*?)</a>', rows)]


def test_a_phrase_is_found_as_it_stands(console: RunningConsole, world: World) -> None:
    """A text with all pairs of a phrase, but not the phrase, is no hit; a folded one is."""
    world.crawl("1", title="出售 学生数据", text="1")
    world.crawl("2", title="学生们的 生数 和 数据", text="2")
    world.crawl("3", title="other", body="一共一百万条" * 50 + "\n全部学生\u200b数据,可验证", text="3")
    client = console.signed_in()

    found = client.get("/listings", params={"q": "学生数据"})

    assert titles(found) == ["other", "出售 学生数据"]
    assert "<mark>学生数据</mark>" in found.text
    assert found.text.count("<mark>学生") == 2
    assert "一百万条" in found.text  # the surroundings
    assert titles(client.get("/listings", params={"q": "生数"})) == [
        "other",
        "学生们的 生数 和 数据",
        "出售 学生数据",
    ]


def test_a_search_says_where_it_stopped(
    console: RunningConsole, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates are compared up to a bound; the next page goes on below the last one that was compared."""
    monkeypatch.setattr(visible, "COMPARED", 3)
    monkeypatch.setattr(visible, "BATCH", 3)
    world.crawl("1", title="学生数据", text="1")
    for number in range(2, 6):
        world.crawl(str(number), title="学生 生数 数据", text=str(number))
    client = console.signed_in()

    first = client.get("/listings", params={"q": "学生数据"})
    after = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = client.get(after[0].replace("&amp;", "&"))

    assert (titles(first), 'id="cut"' in first.text) == ([], True)
    assert (titles(second), 'id="cut"' in second.text) == (["学生数据"], False)


def test_prices_are_compared_page_by_page(
    console: RunningConsole, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare price that is far back is found on a later page, and the pages before it say so."""
    monkeypatch.setattr(visible, "PRICED", 2)
    monkeypatch.setattr(listing_filters, "NEWEST", 1)
    for number in range(1, 6):
        world.crawl(str(number), title=f"n{number}", price_amount=Decimal(9 - number), text=str(number))
    client = console.signed_in()

    found, address = [], "/listings?min_price=7"
    while address:
        page = client.get(address)
        found.append((titles(page), 'id="cut"' in page.text))
        address = (re.findall(r'rel="next" href="([^"]+)"', page.text) or [""])[0].replace("&amp;", "&")

    assert found == [([], True), (["n2", "n1"], False)]


def test_each_filter_is_kept_and_counted(console: RunningConsole, world: World) -> None:
    world.crawl("1", title="base one", seller="ann", claimed_records=10, text="1")
    world.clock.advance(hours=30)
    world.crawl("2", title="base two", seller="bob", source="forum", price_currency="USD", text="2")
    world.crawl("3", title="base three", price_amount=Decimal(7), data_classes=("names",), text="3")
    client = console.signed_in()
    asked: dict[str, Any] = {
        "source": ("forum", ["base two"]),
        "seller": ("ann", ["base one"]),
        "currency": ("usd", ["base two"]),
        "min_price": ("5", ["base three"]),
        "max_price": ("0.5", ["base two", "base one"]),
        "min_records": ("1000", ["base three", "base two"]),
        "max_records": ("10", ["base one"]),
        "since": (world.clock().date().isoformat(), ["base three", "base two"]),
        "until": ((world.clock().date()).isoformat(), ["base three", "base two", "base one"]),
        "life": ("edited", []),
        "gone": ("no", ["base three", "base two", "base one"]),
        "company": ("qudian", []),
    }
    for name, (value, wanted) in asked.items():
        for words in ("", "base"):
            assert titles(client.get("/listings", params={name: value, "q": words})) == wanted, name

    page = client.get("/listings", params={"q": "base", "gone": "no", "min_price": "abc"})
    assert re.findall(r'<a href="(/listings\?[^"]*source=forum[^"]*)"', page.text) == [
        "/listings?q=base&amp;source=forum&amp;gone=no"
    ]
    assert 'role="alert"' in page.text  # the price is not a number, and the page says so
    assert "names" in page.text
    with console.database.reading() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (last.action, last.subject) == ("search", "listings")
    assert last.detail == {"words": "base", "filters": {"gone": "no"}, "found": 3}


def test_words_in_the_audit_log_are_masked(console: RunningConsole) -> None:
    console.signed_in().get("/listings", params={"q": "13812345678"})
    with console.database.reading() as session:
        assert [each.detail["words"] for each in session.scalars(select(AuditEntry))] == ["138****5678"]


def test_pages_follow_each_other(console: RunningConsole, world: World) -> None:
    """Every listing once, newest first, with the filters kept."""
    with world.database.transaction() as session:
        source_id = 1
        version = world.crawl("0", title="many 0", text="0")
        row = session.get_one(Listing, 1)
        text = session.get_one(ListingVersion, version)
        names = [column.key for column in Listing.__table__.columns if column.key != "id"]
        rest = [column.key for column in ListingVersion.__table__.columns if column.key != "id"]
        for number in range(1, 120):
            given = {name: getattr(row, name) for name in names} | {"key": f"k{number}"}
            session.add(Listing(**given | {"title": f"many {number}", "source_id": source_id}))
            session.flush()
            session.add(
                ListingVersion(**{name: getattr(text, name) for name in rest} | {"listing_id": number + 1})
            )
    client = console.signed_in()
    found, address = [], "/listings?currency=BTC"
    for _ in range(3):
        page = client.get(address)
        found += titles(page)
        address = (re.findall(r'rel="next" href="([^"]+)"', page.text) or [""])[0].replace("&amp;", "&")

    assert found == [f"many {number}" for number in range(119, -1, -1)]
    assert address == ""
    assert "120 listings" in client.get("/listings").text


def test_who_sees_which_listing(console: RunningConsole, world: World) -> None:
    """A person of one company sees what names that company, with no figure and no name of another."""
    world.declare_second_company()
    world.add_finding("1")
    world.add_finding("2", company="harbour")
    world.match(world.crawl("3", title="both", text="3"))
    world.match(world.crawl("3", title="both of them", text="3b"), company="harbour")
    world.crawl("4", title="nobody’s", text="4")
    anna = console.signed_in("anna", {"qudian": Role.VIEWER})
    eve = console.signed_in("eve", {"harbour": Role.ADMIN})
    two = console.signed_in("two", {"harbour": Role.VIEWER, "qudian": Role.VIEWER})

    def seen(client: httpx.Client, path: str = "/listings") -> list[str]:
        return re.findall(r'<td class="title"><a href="/listings/(\d+)">', client.get(path).text)

    assert [seen(each) for each in (anna, eve, two)] == [["3", "1"], ["3", "2"], ["3", "2", "1"]]
    assert seen(anna, "/listings?company=harbour") == []
    assert seen(anna, "/listings?q=趣店") == ["1"]
    page = anna.get("/listings").text
    assert "Harbour" not in page
    assert "2 listings" in page
    statuses = [[each.get(f"/listings/{n}").status_code for n in range(1, 6)] for each in (anna, eve)]
    assert statuses == [[200, 404, 200, 404, 404], [404, 200, 200, 404, 404]]
    missing, hidden = anna.get("/listings/5").text, anna.get("/listings/2").text
    assert re.sub("/listings/.", "", missing) == re.sub("/listings/.", "", hidden)
    assert "Harbour" not in anna.get("/listings/3").text
    assert "趣店 Lending: " in anna.get("/listings/1").text
    assert anna.get("/listings/x").status_code == 404


def test_a_listing_shows_what_changed(console: RunningConsole, world: World) -> None:
    world.crawl("1", title="offer", body="first line\nprice is low\nlast line", text="a", seller="ann")
    world.clock.advance(hours=1)
    world.crawl(
        "1",
        title="offer",
        body="first line\nprice is high\nlast line",
        text="b",
        seller="ann",
        price_amount=Decimal("0.75"),
        sample="a,b\n1,2",
    )
    client = console.signed_in()

    page = client.get("/listings/1").text
    assert "price is <del>low</del>" in page
    assert "price is <ins>high</ins>" in page
    assert re.findall(r"<(?:del|ins)><bdi>([^<]+)", page) == ["0.5 BTC", "0.75 BTC"]
    assert "hxxps://market[.]example/offer/1" in page
    assert "5f" * 32 in page
    assert "price is high" not in client.get("/listings/1?version=1").text.partition('id="body"')[2]
    assert [client.get(f"/listings/1?version={n}").status_code for n in ("2", "3", "x", "0")] == [
        200,
        404,
        404,
        404,
    ]


@pytest.mark.parametrize(
    ("words", "text", "marked"),
    [
        ("base", "Fresh BASE, database", "Fresh <mark>BASE</mark>, database"),
        ("<b>", "a <b> & c", "a &lt;<mark>b</mark>&gt; &amp; c"),
        ("数据", "ＡＢ 学生数据库", "ＡＢ 学生<mark>数据</mark>库"),
        ("ab", "ＡＢ 学生", "<mark>ＡＢ</mark> 学生"),
        ("ﬁle", "a file and ﬁle", "a <mark>file</mark> and <mark>ﬁle</mark>"),
        ("straße", "STRASSE", "<mark>STRASSE</mark>"),
        ("学生数据", "学生 生数 数据", "学生 生数 数据"),
        ("数据 据库", "数据库", "<mark>数据库</mark>"),
        ("", "text", "text"),
        ("bdi mark", "<mark>x</mark>", "&lt;<mark>mark</mark>&gt;x&lt;/<mark>mark</mark>&gt;"),
        ("market example", "http://market.example/x", "hxxp://<mark>market</mark>[.]<mark>example</mark>/x"),
    ],
)
def test_marks(words: str, text: str, marked: str) -> None:
    assert Highlights.of(words).line(text) == f"<bdi>{marked}</bdi>"


def hostile_world(database: Database) -> World:
    """A listing for each hostile text, which stands in every field that a page can fill."""
    world = World(database)
    for number, (name, words) in enumerate(CORPUS.items()):
        text = words.replace("\ud800", "?").replace("\0", "")[:3000]
        for version in range(2):
            world.crawl(
                f"{text[:200]}{number}",
                text=f"{name} {version}",
                title=text[:300] + " " * version,
                body=f"{text}\n{version} 学生数据",
                seller=text[:200],
                price_currency=text[:12],
                sample=text,
                data_classes=(text[:100], "mark"),
                links=(text[:200],),
            )
    return world


@pytest.mark.needs("chromium")
def test_listings_in_the_browser(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    """Nothing of a site runs; filters are kept; it fits a phone and a wide screen; axe finds nothing."""
    world = hostile_world(sqlite_database)
    with running_console(world.database, evidence, world.clock) as console:
        looks: list[dict[str, Any]] = [
            {"width": WIDTHS["phone"]},
            {"width": WIDTHS["wide"], "color_scheme": "dark", "scripts": False},
        ]
        for number, look in enumerate(looks):
            token = console.add_person(f"p{number}", language="zh" if number else "en")
            with opened(browser, console, token, **look) as page:
                page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))
                page.goto("/listings")
                expect(page.locator("#rows tr")).to_have_count(len(CORPUS))
                page.fill("input[name=q]", "学生数据 mark")
                page.click("#search summary") if page.locator("input[name=min_records]").is_hidden() else None
                page.fill("input[name=min_records]", "5")
                page.click("#search button")
                expect(page.locator("input[name=min_records]")).to_have_value("5")
                expect(page.locator("#rows mark").first).to_be_visible()
                assert page.locator("#rows tr").count() > len(CORPUS) - 6
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if look.get("scripts", True):
                    assert not (found := Axe().run(page)).violations_count, found.generate_report()
                for listing_id in range(1, len(CORPUS) + 1, 1 + 5 * number):
                    answer = page.goto(f"/listings/{listing_id}")
                    assert answer is not None
                    assert answer.status == 200
                    assert page.locator("main script, main img, main a[href^='http']").count() == 0
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if look.get("scripts", True):
                    assert not (found := Axe().run(page)).violations_count, found.generate_report()
