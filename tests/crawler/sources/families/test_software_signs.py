"""Sites with a JSON interface are recognised by any of their pages, and distinguished from one another."""

from __future__ import annotations

import pytest

from crawler.sources import read_definition
from crawler.sources.families.detect import detect, detected_source_file
from crawler.sources.families.family import UnknownPage
from tests.crawler.sources.pages import NOW

FLARUM = '<div id="flarum-loading"></div><script id="flarum-json-payload" type="application/json">{}</script>'
NODEBB = '<li component="category/topic"></li><script src="/assets/nodebb.min.js"></script>'
DISCOURSE = '<meta name="generator" content="Discourse 3.4.0"><meta id="data-discourse-setup">'
WORDPRESS = (
    '<link rel="https://api.w.org/" href="https://site.example/wp-json/"><link href="/wp-content/x.css">'
)
TELEGRAM = '<div class="tgme_channel_info"></div>'
PRIVATEBIN = '<title>PrivateBin</title><script src="js/privatebin.js?2.0.0"></script>'
API = "https://api.ransomware.live/v2/recentvictims"


def seen(
    url: str, text: str = "<p>x", headers: dict[str, str] | None = None, cookie: str = "x"
) -> UnknownPage:
    return UnknownPage(url, 200, headers or {}, frozenset({cookie}), text)


@pytest.mark.parametrize(
    ("page", "kind", "start"),
    [
        (seen("https://site.example/d/5-x", FLARUM), "flarum", "https://site.example/"),
        (seen("https://site.example/f/t/sales", FLARUM), "flarum", "https://site.example/f/t/sales"),
        (seen("https://site.example", cookie="flarum_session"), "flarum", "https://site.example/"),
        (seen("https://site.example/topic/7/x", NODEBB), "nodebb", "https://site.example/"),
        (seen("https://site.example/category/5/x", NODEBB), "nodebb", "https://site.example/category/5/x"),
        (
            seen("https://site.example/recent", headers={"x-powered-by": "NodeBB"}),
            "nodebb",
            "https://site.example/",
        ),
        (seen("https://site.example/t/x/7", DISCOURSE), "discourse", "https://site.example/"),
        (seen("https://site.example/c/x/5", DISCOURSE), "discourse", "https://site.example/c/x/5"),
        (seen("https://site.example/2026/x/", WORDPRESS), "wordpress", "https://site.example/wp-json/"),
        (seen("https://t.me/leaks/5", TELEGRAM), "telegram", "https://t.me/s/leaks"),
        (
            seen("https://pastebin.com/archive"),
            "pastebin",
            "https://scrape.pastebin.com/api_scraping.php?limit=250",
        ),
        (seen("https://gist.github.com/discover"), "gists", "https://api.github.com/gists/public"),
        (seen("https://www.ransomlook.io/group/x"), "ransomlook", "https://www.ransomlook.io/"),
        (seen("https://www.ransomware.live/"), "ransomware_live", API),
    ],
)
def test_a_program_is_recognised_and_where_it_starts(page: UnknownPage, kind: str, start: str) -> None:
    """Markup, a header, a cookie or the address show the program, and the start is valid in a source file."""
    finding = detect(page, now=NOW)

    assert (finding.kind, finding.start) == (kind, start)
    assert read_definition({"kind": kind, "start": start}).kind == kind
    assert f'kind = "{kind}"' in detected_source_file(finding, mask=str)


def test_a_page_that_links_to_them_is_none_of_them() -> None:
    """A page with links to channels, pastes and gists is not recognised as one of these sites."""
    links = " ".join(
        f'<a href="{url}">x</a>' for url in ("https://t.me/leaks", "https://gist.github.com/x", API)
    )

    assert detect(seen("https://site.example/", f"<h1>News</h1>{links}"), now=NOW).families == ()


def test_privatebin_is_recognised_and_needs_a_whole_link() -> None:
    """A PrivateBin server is recognised by its page."""
    assert detect(seen("https://site.example/", PRIVATEBIN), now=NOW).kind == "privatebin"
