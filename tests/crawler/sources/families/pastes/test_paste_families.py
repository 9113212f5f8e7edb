"""Pastebin's scraping API, GitHub Gists and PrivateBin: what is asked for, and what never is."""

from __future__ import annotations

import base64
import copy
import time
from typing import Any

import pytest

from crawler.errors import NotThere
from crawler.sources import Role
from crawler.sources.errors import ApiClosed, PasteLocked
from crawler.sources.families.pastes.privatebin import MAX_COMMENTS
from crawler.sources.privatebin_cipher import MAX_ITERATIONS, decrypt_paste, parse_paste_link
from tests.crawler.sources.families.documents import adapter, followed, one, page
from tests.peers.privatebin import ID, KEY, PASTE, TEXT

SCRAPE = "https://scrape.pastebin.com/api_scraping.php?limit=250"
ROW = {"key": "AbCd1234", "date": "1772368200", "title": "", "size": "20", "user": "marta"}
GISTS = "https://api.github.com/gists/public?per_page=100&page=1"
GIST = {"id": "a" * 32, "html_url": "https://gist.github.com/aa", "description": "Customers", "owner": None}


# --- Pastebin


def test_a_paste_is_read_where_the_api_has_it() -> None:
    """Its first line is the title of one without."""
    reader = adapter("pastebin", "https://pastebin.com/")
    [follow] = reader.parse(page([ROW], SCRAPE)).follows

    listing = one(reader.parse(followed(b"name,phone\nAda,none\n", follow)))

    assert (follow.url, follow.role) == (
        "https://scrape.pastebin.com/api_scrape_item.php?i=AbCd1234",
        Role.RAW,
    )
    assert (listing.url, listing.seller) == ("https://pastebin.com/AbCd1234", "marta")
    assert (listing.title, listing.body) == ("name,phone", "name,phone\nAda,none\n")
    assert str(listing.posted_at) == "2026-03-01 12:30:00+00:00"


def test_a_paste_that_expired_is_not_there() -> None:
    """The API says so in words; a paste that quotes them is a paste."""
    reader = adapter("pastebin", SCRAPE)
    [follow] = reader.parse(page([ROW], SCRAPE)).follows
    words = b"Error, we cannot find this paste."

    quoted = one(reader.parse(followed(b"They said: " + words, follow)))

    assert quoted.body.startswith("They said")
    with pytest.raises(NotThere):
        reader.parse(followed(words, follow))


def test_an_address_without_access_is_told() -> None:
    """Neither an empty list nor a new design."""
    with pytest.raises(ApiClosed, match="Pro account"):
        adapter("pastebin", SCRAPE).parse(
            page(b"YOUR IP: 192.0.2.1 DOES NOT HAVE ACCESS. VISIT: https://pastebin.com/doc", SCRAPE)
        )


@pytest.mark.parametrize("document", [{}, [{"key": "../x"}], [{"title": "no key"}], b"<html>"])
def test_another_shape_of_the_scraping_api_is_not_recognised(document: object) -> None:
    """A key is letters and digits: it goes into an address."""
    assert not adapter("pastebin", SCRAPE).parse(page(document, SCRAPE)).recognised


# --- Gists


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("https://gist.github.com/", GISTS),
        ("https://gist.github.com/discover", GISTS),
        ("https://gist.github.com/marta", "https://api.github.com/users/marta/gists?per_page=100&page=1"),
    ],
)
def test_a_start_is_an_address_that_a_browser_shows(start: str, asked: str) -> None:
    """All gists, or an author's."""
    assert [follow.url for follow in adapter("gists", start).start({})] == [asked]


def test_files_of_text_are_fetched_whole_and_others_never() -> None:
    """Where they are raw, for the API cuts them at a megabyte. Archives and media are left, by any sign."""
    names = {
        "a.txt": "text/plain",
        "b.sql": "application/sql",
        "c.sh": "application/x-sh",
        "d.zip": "text/plain",
        "e.png": "image/png",
        "f": "application/zip",
        "g.bin": "application/octet-stream",
    }
    files = {
        name: {"filename": name, "type": kind, "raw_url": f"https://gist.githubusercontent.com/raw/{name}"}
        for name, kind in names.items()
    }

    listing = one(adapter("gists", GISTS).parse(page([{**GIST, "files": files}], GISTS)))

    assert [url.rpartition("/")[2] for url in listing.attachments] == ["a.txt", "b.sql", "c.sh"]
    assert listing.body == "\n".join(("Customers", *names))
    assert listing.seller is None


def test_a_full_page_has_a_next_one_up_to_the_last() -> None:
    """GitHub shows the newest 3,000."""
    rows: list[object] = [{**GIST, "id": f"{number:032x}", "files": {}} for number in range(100)]
    reader = adapter("gists", GISTS)

    onward = [reader.parse(page(rows, GISTS.replace("page=1", f"page={n}"))).next_page for n in (1, 29, 30)]

    assert [url and url.rpartition("=")[2] for url in onward] == ["2", "30", None]


@pytest.mark.parametrize("document", [{"message": "Bad credentials"}, [{"id": "x"}], [{"files": {}}]])
def test_another_shape_of_the_list_of_gists_is_not_recognised(document: object) -> None:
    """A message is no empty list."""
    assert not adapter("gists", GISTS).parse(page(document, GISTS)).recognised


# --- PrivateBin


def test_a_link_keeps_its_key_to_itself() -> None:
    """What is asked for is the address without it."""
    link = parse_paste_link(f"https://bin.example/p/?{ID}#{KEY}")

    assert link == (f"https://bin.example/p/?{ID}", ID, KEY)
    assert parse_paste_link(f"https://bin.example/?{ID}#-{KEY}") is None


def test_what_a_browser_sealed_is_opened() -> None:
    """With a key whose first byte base 58 has lost."""
    assert TEXT.split("\n")[0] in decrypt_paste(PASTE["ct"], PASTE["adata"], KEY).decode()


def spoilt(**changes: Any) -> dict[str, Any]:
    paste = copy.deepcopy(PASTE)
    for place, value in changes.items():
        paste["adata"][0][int(place.removeprefix("at"))] = value
    return paste


@pytest.mark.parametrize(
    "paste",
    [
        spoilt(at2=MAX_ITERATIONS + 1),
        spoilt(at2=-1),
        spoilt(at2="100000"),
        spoilt(at3=512),
        spoilt(at6="ctr"),
        spoilt(at7="brotli"),
        spoilt(at0="!"),
        {**PASTE, "ct": base64.b64encode(b"short").decode()},
        {**PASTE, "ct": None},
        {**PASTE, "adata": None},
        {**PASTE, "adata": []},
    ],
)
def test_a_paste_that_cannot_be_opened_costs_little(paste: dict[str, Any]) -> None:
    """Parameters of another kind, or out of bounds, are refused before anything is derived."""
    began = time.process_time()

    with pytest.raises(PasteLocked):
        decrypt_paste(paste["ct"] or "", paste["adata"], KEY)

    assert time.process_time() - began < 1


def test_comments_are_bounded() -> None:
    """Each costs a derivation of its own."""
    many = [{**PASTE["comments"][0], "id": f"{number:016x}"} for number in range(500)]
    reader = adapter("privatebin", f"https://bin.example/?{ID}#{KEY}")

    parsed = reader.parse(page({**PASTE, "comments": many}, f"https://bin.example/?{ID}"))

    assert len(parsed.listings) == 1 + MAX_COMMENTS


def test_a_page_of_privatebin_itself_is_no_paste() -> None:
    """What a server gives that does not know the request for the data."""
    reader = adapter("privatebin", f"https://bin.example/?{ID}#{KEY}")

    assert not reader.parse(page(b"<title>PrivateBin</title>", f"https://bin.example/?{ID}")).recognised
