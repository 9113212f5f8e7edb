"""Real site software is read with the source files of the docs: every item, over several pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.database.base import Database
from storage.listings import Listing, ListingVersion
from tests.cli.command import answer
from tests.peers.software import documented, software

AUTHORS = ("old_fox", "数据贩子", "marta")
#: 2026-03-01 12:30 UTC. Each topic is an hour later.
FIRST_POST = 1_772_368_200
TOPICS: list[dict[str, Any]] = [
    {
        "title": f"出售贷款客户数据 {number}00万条" if number % 2 else f"Selling {number + 1}k loan records",
        "text": f"第{number}批 <em>姓名 电话 地址</em>" if number % 2 else f"Batch {number}, fresh",
        "author": AUTHORS[number % len(AUTHORS)],
        "posted": FIRST_POST + 3600 * number,
        "replies": [] if number % 5 else ["Sample?"],
    }
    for number in range(45)
]
# Each site first makes its database, which takes seconds of an idle machine.
pytestmark = pytest.mark.timeout(300)

CURRENCIES = ("USD", "CNY", "EUR", "GBP")
OFFERS: list[dict[str, Any]] = [
    {
        "title": f"客户名单 lender customers, batch number {number}",
        "text": f"<p>第{number}批 of many</p>",
        "price": f"{1000 + number}.50",
        "currency": CURRENCIES[number % len(CURRENCIES)],
        "seller": AUTHORS[number % len(AUTHORS)],
        "released": f"2026-03-{number % 28 + 1:02}",
        "records": f"{number + 1}.5M records",
    }
    for number in range(45)
]
PASTES = {
    "latin.txt": "Größe: 12 Spalten; Müller, Straße, Köln".encode("cp1252"),
    "list.txt": "姓名,电话,地址\n张三,样本,北京市朝阳区\n李四,样本,上海市浦东新区\n".encode("gbk"),
    "dump.txt": "Продам базу клиентов, образец ниже\nимя;адрес\n".encode("cp1251"),
    "notes.txt": "plain text, 出售数据 in UTF-8".encode(),
    "wide.txt": "column one\tcolumn two\r\n出售\t数据\r\n".encode("utf-16"),
}


class Watched:
    """A configuration with one source, and what its crawl stored."""

    def __init__(self, folder: Path, name: str, toml: str) -> None:
        self.folder = folder
        self.name = name
        (folder / "sources").mkdir()
        (folder / "spillwatch.toml").write_text("")
        (folder / f"sources/{name}.toml").write_text(toml)

    def crawl(self) -> dict[str, Any]:
        run: dict[str, Any] = answer(self.folder, "crawl", self.name)
        return run

    def stored(self) -> list[tuple[Listing, ListingVersion]]:
        """Return every listing with its newest version."""
        database = Database.open(f"sqlite:///{next(self.folder.rglob('*.db'))}")
        with database.reading() as session:
            rows = session.query(Listing, ListingVersion).join(
                ListingVersion, ListingVersion.listing_id == Listing.id
            )
            found = [
                (listing, version) for listing, version in rows if version.number == listing.version_number
            ]
        database.close()
        return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def forum(tmp_path: Path, home: Path) -> Iterator[Watched]:
    with software("forum", tmp_path / "forum", TOPICS) as url:
        yield Watched(home, "forum", documented("Spirit", host="forum.example", url=url))


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Iterator[Watched]:
    with software("shop", tmp_path / "shop", OFFERS) as url:
        yield Watched(home, "shop", documented("django-oscar", host="shop.example", url=url))


@pytest.fixture
def pastes(tmp_path: Path, home: Path) -> Iterator[Watched]:
    with software("pastes", tmp_path / "pastes") as url:
        for name, body in PASTES.items():
            paste(url, name, body, "text/plain")
        paste(url, "picture.png", b"\x89PNG\r\n\x1a\n\0\0", "image/png")
        yield Watched(home, "pastes", documented("bepasty", host="paste.example", url=url))


def paste(url: str, name: str, body: bytes, content_type: str) -> None:
    """Upload a paste through bepasty's API."""
    headers = {
        "Content-Type": content_type,
        "Content-Filename": name,
        "Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}",
    }
    answer = httpx.post(f"{url}/apis/rest/items", content=base64.b64encode(body), headers=headers)
    assert answer.status_code == httpx.codes.CREATED, answer.text


def test_a_forum_is_read_over_its_pages(forum: Watched) -> None:
    """Every topic of three pages is stored with text, author and date; a second visit finds nothing new."""
    first = forum.crawl()

    expected = {
        (topic["title"], topic["author"], datetime.fromtimestamp(topic["posted"], UTC)) for topic in TOPICS
    }
    assert {(each.title, each.seller, each.posted_at) for each, _ in forum.stored()} == expected
    assert (first["outcome"], first["listings_new"]) == ("new_listings", len(TOPICS))
    bodies = {version.title: version.body for _, version in forum.stored()}
    assert bodies["出售贷款客户数据 100万条"] == "第1批 姓名 电话 地址"
    assert bodies["Selling 1k loan records"] == "Batch 0, fresh\n\nSample?"
    assert forum.crawl()["outcome"] == "nothing_new"


def test_a_shop_is_read_over_its_pages(shop: Watched) -> None:
    """Every offer of three pages is stored with its fields; a second visit finds nothing new."""
    first = shop.crawl()

    expected = {
        (
            offer["title"],
            Decimal(offer["price"]),
            offer["currency"],
            offer["seller"],
            datetime.fromisoformat(offer["released"]).replace(tzinfo=UTC),
            (number + 1) * 1_000_000 + 500_000,
        )
        for number, offer in enumerate(OFFERS)
    }
    found = {
        (
            each.title,
            each.price_amount,
            each.price_currency,
            each.seller,
            each.posted_at,
            each.claimed_records,
        )
        for each, _ in shop.stored()
    }
    assert found == expected
    assert (first["outcome"], first["listings_new"]) == ("new_listings", len(OFFERS))
    assert shop.crawl()["outcome"] == "nothing_new"


def test_a_paste_server_is_read_in_every_charset(pastes: Watched) -> None:
    """Every text is stored in its charset, and no other file; a second visit finds nothing new."""
    before = datetime.now(UTC)
    first = pastes.crawl()

    texts = {version.title: version.body for _, version in pastes.stored()}
    assert texts == {
        "latin.txt": PASTES["latin.txt"].decode("cp1252"),
        "list.txt": PASTES["list.txt"].decode("gbk"),
        "dump.txt": PASTES["dump.txt"].decode("cp1251"),
        "notes.txt": PASTES["notes.txt"].decode(),
        "wide.txt": "column one\tcolumn two\n出售\t数据\n",
    }
    assert all(
        abs((listing.posted_at - before).total_seconds()) < 120
        for listing, _ in pastes.stored()
        if listing.posted_at
    )
    assert first["listings_new"] == len(PASTES)
    assert pastes.crawl()["outcome"] == "nothing_new"
