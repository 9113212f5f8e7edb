"""Pastebin's scraping API, GitHub Gists and PrivateBin: what is requested, and what never is."""

from __future__ import annotations

import base64
import copy
import time
from typing import Any

import pytest

from crawler.errors import NotThere
from crawler.sources import PageRole
from crawler.sources.errors import ApiClosed, PasteLocked
from crawler.sources.families.pastes.privatebin import MAX_COMMENTS
from crawler.sources.privatebin_cipher import MAX_ITERATIONS, decrypt_paste, parse_paste_link
from tests.crawler.sources.pages import family_adapter, followed_page, json_page, single_listing
from tests.peers.privatebin import ID, KEY, PASTE, TEXT

SCRAPE = "https://scrape.pastebin.com/api_scraping.php?limit=250"
ROW = {"key": "AbCd1234", "date": "1772368200", "title": "", "size": "20", "user": "marta"}
GISTS = "https://api.github.com/gists/public?per_page=100&page=1"
GIST = {"id": "a" * 32, "html_url": "https://gist.github.com/aa", "description": "Customers", "owner": None}


# --- Pastebin


def test_a_paste_is_read_where_the_api_has_it() -> None:
    """The first line of a paste without a title is its title."""
    reader = family_adapter("pastebin", "https://pastebin.com/")
    [follow] = reader.parse(json_page([ROW], SCRAPE)).follows

    listing = single_listing(reader.parse(followed_page(b"name,phone\nAda,none\n", follow)))

    assert (follow.url, follow.role) == (
        "https://scrape.pastebin.com/api_scrape_item.php?i=AbCd1234",
        PageRole.RAW,
    )
    assert (listing.url, listing.seller) == ("https://pastebin.com/AbCd1234", "marta")
    assert (listing.title, listing.body) == ("name,phone", "name,phone\nAda,none\n")
    assert str(listing.posted_at) == "2026-03-01 12:30:00+00:00"


def test_a_paste_that_expired_is_not_there() -> None:
    """The message of the API for an expired paste raises NotThere; a paste that quotes it is read."""
    reader = family_adapter("pastebin", SCRAPE)
    [follow] = reader.parse(json_page([ROW], SCRAPE)).follows
    words = b"Error, we cannot find this paste."

    quoted = single_listing(reader.parse(followed_page(b"They said: " + words, follow)))

    assert quoted.body.startswith("They said")
    with pytest.raises(NotThere):
        reader.parse(followed_page(words, follow))


def test_an_address_without_access_is_told() -> None:
    """A refusal raises ApiClosed, and is neither an empty list nor an unrecognised page."""
    with pytest.raises(ApiClosed, match="Pro account"):
        family_adapter("pastebin", SCRAPE).parse(
            json_page(b"YOUR IP: 192.0.2.1 DOES NOT HAVE ACCESS. VISIT: https://pastebin.com/doc", SCRAPE)
        )


@pytest.mark.parametrize("document", [{}, [{"key": "../x"}], [{"title": "no key"}], b"<html>"])
def test_another_shape_of_the_scraping_api_is_not_recognised(document: object) -> None:
    """A key has only letters and digits, because it is put into an address."""
    assert not family_adapter("pastebin", SCRAPE).parse(json_page(document, SCRAPE)).recognised


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
    """A start is the page of all gists, or of one author."""
    assert [follow.url for follow in family_adapter("gists", start).start({})] == [asked]


def test_files_of_text_are_fetched_whole_and_others_never() -> None:
    """Text files are fetched from their raw address; archives and media are recognised by name or type."""
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

    listing = single_listing(
        family_adapter("gists", GISTS).parse(json_page([{**GIST, "files": files}], GISTS))
    )

    assert [url.rpartition("/")[2] for url in listing.attachments] == ["a.txt", "b.sql", "c.sh"]
    assert listing.body == "\n".join(("Customers", *names))
    assert listing.seller is None


def test_a_full_page_has_a_next_one_up_to_the_last() -> None:
    """GitHub lists at most the newest 3,000 gists."""
    rows: list[object] = [{**GIST, "id": f"{number:032x}", "files": {}} for number in range(100)]
    reader = family_adapter("gists", GISTS)

    onward = [
        reader.parse(json_page(rows, GISTS.replace("page=1", f"page={n}"))).next_page for n in (1, 29, 30)
    ]

    assert [url and url.rpartition("=")[2] for url in onward] == ["2", "30", None]


@pytest.mark.parametrize("document", [{"message": "Bad credentials"}, [{"id": "x"}], [{"files": {}}]])
def test_another_shape_of_the_list_of_gists_is_not_recognised(document: object) -> None:
    """A message is not an empty list."""
    assert not family_adapter("gists", GISTS).parse(json_page(document, GISTS)).recognised


# --- PrivateBin


def test_a_link_keeps_its_key_to_itself() -> None:
    """The requested address does not contain the key, and a link with `#-` is refused."""
    link = parse_paste_link(f"https://bin.example/p/?{ID}#{KEY}")

    assert link == (f"https://bin.example/p/?{ID}", ID, KEY)
    assert parse_paste_link(f"https://bin.example/?{ID}#-{KEY}") is None


def test_what_a_browser_sealed_is_opened() -> None:
    """A paste encrypted by a browser is decrypted with a key that begins with a null byte."""
    assert TEXT.split("\n")[0] in decrypt_paste(PASTE["ct"], PASTE["adata"], KEY).decode()


def spoilt(**changes: Any) -> dict[str, Any]:
    """Return the paste with changed cipher parameters, by their index."""
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
    """Unknown or excessive parameters are refused before a key is derived."""
    began = time.process_time()

    with pytest.raises(PasteLocked):
        decrypt_paste(paste["ct"] or "", paste["adata"], KEY)

    assert time.process_time() - began < 1


def test_comments_are_bounded() -> None:
    """At most MAX_COMMENTS comments are read, because each needs a key derivation."""
    many = [{**PASTE["comments"][0], "id": f"{number:016x}"} for number in range(500)]
    reader = family_adapter("privatebin", f"https://bin.example/?{ID}#{KEY}")

    parsed = reader.parse(json_page({**PASTE, "comments": many}, f"https://bin.example/?{ID}"))

    assert len(parsed.listings) == 1 + MAX_COMMENTS


def test_a_page_of_privatebin_itself_is_no_paste() -> None:
    """The HTML page of a server that ignores the request header is not recognised."""
    reader = family_adapter("privatebin", f"https://bin.example/?{ID}#{KEY}")

    assert not reader.parse(json_page(b"<title>PrivateBin</title>", f"https://bin.example/?{ID}")).recognised


def test_a_gist_is_asked_for_by_its_id() -> None:
    """The API's page of one gist gives what the list gave."""
    reader = family_adapter("gists", GISTS)
    gist: dict[str, Any] = {**GIST, "html_url": f"https://gist.github.com/marta/{GIST['id']}", "files": {}}
    listing = single_listing(reader.parse(json_page([gist], GISTS)))
    own = reader.own_page(listing)

    assert own is not None
    assert own.url == f"https://api.github.com/gists/{GIST['id']}"
    assert single_listing(reader.parse(json_page(gist, own.url, role=PageRole.ITEM, key=own.key))) == listing
