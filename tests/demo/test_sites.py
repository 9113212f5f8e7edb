from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from demo.child_process import ChildProcess, Event
from demo.postings import STEP, SiteSection
from demo.story import STORY

TIMEOUT_S = 60.0
get = partial(httpx.get, timeout=TIMEOUT_S)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[ChildProcess]:
    with ChildProcess("demo.sites", log=tmp_path / "sites.log") as child:
        yield child


@pytest.fixture
def addresses(sites: ChildProcess) -> Event:
    ready = sites.wait_until_ready()
    play(sites, 0)
    return ready


def play(sites: ChildProcess, *numbers: int) -> None:
    for number in numbers:
        sites.send_line(STEP.dump_json(STORY[number]).decode())
        assert sites.events.get(timeout=TIMEOUT_S) == {"played": STORY[number].description}


def titles(section: SiteSection, *, upto: int = 0) -> list[str]:
    return [p.title for step in STORY[: upto + 1] for p in step.puts if p.section is section]


def pages(start: str, link: str) -> Iterator[str]:
    """Yield a list's pages. `link` is a pattern whose group is the next page's address."""
    url: str | None = start
    while url:
        response = get(url)
        text = response.content.decode(
            "gbk" if "charset" not in response.headers["content-type"] else "utf-8"
        )
        yield text
        found = re.search(link, text)
        url = f"{start.rstrip('/')}{found[1]}" if found else None


def test_the_pages_of_the_marketplace_lead_to_every_offer(addresses: Event) -> None:
    """The list's pages contain every offer once."""
    shown = list(pages(addresses["market"], r'rel="next" href="([^"]+)"'))

    found = re.findall(r'<a href="/offer/\d+">([^<]+)</a>', "".join(shown))
    assert len(shown) > 1
    assert sorted(titles(SiteSection.OFFERS)) == sorted(found)


def test_the_pages_of_the_forum_lead_to_every_thread(addresses: Event) -> None:
    """The forum's pages, in GBK, contain every thread once."""
    found = re.findall(
        r"<a href=\"/thread-\d+.html\">([^<]+)</a>",
        "".join(pages(addresses["forum"], r'"pages"><a href="([^"]+)"')),
    )

    assert sorted(titles(SiteSection.THREADS)) == sorted(found)


def test_an_odd_thread_does_not_say_that_it_is_gbk(addresses: Event) -> None:
    """Half of the threads are GBK without declaring it in the header or the page."""
    silent = get(addresses["forum"] + "thread-2001.html")
    honest = get(addresses["forum"] + "thread-2002.html")

    assert (
        silent.headers["content-type"],
        honest.headers["content-type"],
    ) == ("text/html", "text/html; charset=gbk")
    assert b"charset" not in silent.content
    assert "出售星桐商城订单数据" in silent.content.decode("gbk")


def test_the_api_leads_to_every_log_by_its_cursor(addresses: Event) -> None:
    """The JSON API returns the next cursor, and null at the end."""
    found, cursor = [], ""
    while cursor is not None:
        page = get(addresses["market"] + "api/logs", params={"cursor": cursor}).json()
        found += [item["title"] for item in page["items"]]
        cursor = page["next"]

    assert sorted(titles(SiteSection.LOGS)) == sorted(found)


def test_every_page_says_that_it_is_practice(addresses: Event) -> None:
    """Every page says that it is a synthetic practice page."""
    paths = [
        "market",
        "market:offer/1001",
        "market:news.xml",
        "market:api/logs",
        "forum",
        "forum:thread-2002.html",
        "pastes",
    ]
    for place in paths:
        site, _, path = place.partition(":")
        assert b"ynthetic practice" in get(addresses[site] + path).content, place


def test_a_withdrawn_offer_is_gone_and_an_unknown_one_was_never_there(
    sites: ChildProcess, addresses: Event
) -> None:
    """A removed offer answers 410, and one that never existed 404."""
    play(sites, 1, 4, 5, 6)

    withdrawn = get(addresses["market"] + "offer/1042")
    unknown = get(addresses["market"] + "offer/9999")
    assert (withdrawn.status_code, unknown.status_code) == (410, 404)


def test_a_step_changes_the_price_in_list_and_page(sites: ChildProcess, addresses: Event) -> None:
    """A price change is shown in the list and on the page, and the offer stays one offer."""
    play(sites, 1, 4)

    listed, shown = get(addresses["market"]).text, get(addresses["market"] + "offer/1042").text
    assert ("$3,000.00" in listed, "$3,000.00" in shown) == (True, True)
    assert listed.count("loan clients of Quillmere") == 1


def test_a_paste_is_plain_text(sites: ChildProcess, addresses: Event) -> None:
    """A paste's raw address returns the text and nothing else."""
    play(sites, 3)

    response = get(addresses["pastes"] + "raw/pr00ff")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(response.text.splitlines()) == 8
