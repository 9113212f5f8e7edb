"""`kind = "feed"`: RSS, Atom and JSON Feed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crawler.listing import ParsedPrice
from crawler.sources import PageRefused, PageRole
from crawler.sources.kinds.feed import MAX_FEED_CHARS
from tests.crawler.sources.pages import item_listing, parse_page, toml_adapter

URL = "https://forum.example/feed"
FEED = f'kind = "feed"\nstart = "{URL}"\n'
PRICED = FEED + '[entry]\nprice = { select = "title", pattern = \'[$][\\d,.]+\' }\ndata_classes = "tags"\n'
RSS = """<?xml version="1.0" encoding="{charset}"?><rss version="2.0"
xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>x</title>
<item><title>出售 $500</title><link>https://forum.example/t?id=1&amp;sid=2</link><guid>g1</guid>
<author>fox@forum.example (Old Fox)</author><category>phone</category>
<pubDate>Sun, 01 Mar 2026 12:30:00 +0800</pubDate>
<description>short</description>
<content:encoded><![CDATA[<p>long</p><a href="/y">y</a><script>x</script>]]></content:encoded></item>
<item><title>no key</title></item>
<item><title>second</title><link>/t?id=2</link></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="?page=2"/><entry><id>a1</id>
<title type="html">A &amp;amp; B</title><link href="/a1"/><author><name>fox</name></author>
<updated>2026-03-01T12:30:00Z</updated><summary>text</summary></entry></feed>"""
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "next_url": "/feed?page=2",
        "items": [
            {
                "id": "j1",
                "url": "/j1",
                "title": "T",
                "content_html": "<p>a<p>b",
                "date_published": "2026-03-01T12:30:00Z",
                "authors": [{"name": "fox"}],
            },
            "no object",
        ],
    }
)


@pytest.mark.parametrize(
    ("charset", "written"), [("utf-8", "utf-8"), ("gb2312", "gbk"), ("utf-8", "gbk"), ("gb2312", "utf-8")]
)
def test_rss_is_read_in_whatever_charset_it_is(charset: str, written: str) -> None:
    """The longer content is the body, and the declared charset may be wrong."""
    first, second = parse_page(
        toml_adapter(PRICED), RSS.format(charset=charset).encode(written), url=URL, role=PageRole.FEED
    ).listings

    assert (first.key, first.url) == ("g1", "https://forum.example/t?id=1")
    assert (first.title, first.body, first.seller) == ("出售 $500", "long\ny", "Old Fox")
    assert (first.price, first.data_classes) == (ParsedPrice(Decimal(500), "USD"), ("phone",))
    assert first.posted_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    assert first.links == ("https://forum.example/y",)
    assert (second.key, second.title) == ("https://forum.example/t?id=2", "second")


@pytest.mark.parametrize(
    ("body", "key", "title", "text"), [(ATOM, "a1", "A & B", "text"), (JSON_FEED, "j1", "T", "a\nb")]
)
def test_atom_and_json_feed_are_read_alike(body: str, key: str, title: str, text: str) -> None:
    """Author, date and next page are found in both formats."""
    parsed = parse_page(toml_adapter(FEED), body, url=URL, role=PageRole.FEED)
    (listing,) = parsed.listings

    assert (listing.key, listing.title, listing.body, listing.seller) == (key, title, text, "fox")
    assert (listing.posted_at, listing.posted_at_uncertain) == (
        datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        False,
    )
    assert parsed.next_page == URL + "?page=2"


def test_the_page_behind_an_entry_completes_it() -> None:
    """With `[item]`, each entry is followed, and the fields of its page take precedence."""
    reader = toml_adapter(FEED + '[item]\nbody = "div.post"\n')
    follow, _ = parse_page(reader, RSS.format(charset="utf-8"), url=URL, role=PageRole.FEED).follows
    listing = item_listing(reader, "<div class=post>whole</div>", follow)

    assert (listing.key, listing.title, listing.body) == ("g1", "出售 $500", "whole")


def test_an_edited_entry_has_another_digest() -> None:
    """A changed text changes the digest."""
    before = parse_page(toml_adapter(FEED), ATOM, url=URL, role=PageRole.FEED).listings[0].row_digest
    after = (
        parse_page(toml_adapter(FEED), ATOM.replace("text", "edited"), url=URL, role=PageRole.FEED)
        .listings[0]
        .row_digest
    )

    assert before != after


@pytest.mark.parametrize(
    "body", ["", "<html><h1>Log in</h1></html>", "{}", '{"version": 5}', "[1]", "\x00", "<" * 10_000]
)
def test_what_is_no_feed_is_not_recognised(body: str) -> None:
    """A login page or another document is not an empty feed."""
    assert not parse_page(toml_adapter(FEED), body, url=URL, role=PageRole.FEED).recognised


def test_an_empty_feed_is_recognised() -> None:
    """A feed without entries is recognised."""
    assert parse_page(
        toml_adapter(FEED), '<rss version="2.0"><channel/></rss>', url=URL, role=PageRole.FEED
    ).recognised


def test_entities_do_not_multiply() -> None:
    """Entities that would expand to gigabytes are not expanded."""
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(10)
    )
    parsed = parse_page(
        toml_adapter(FEED),
        f"<?xml version='1.0'?>{bomb}]><rss version='2.0'><item><title>&k;</title></item></rss>",
        url=URL,
        role=PageRole.FEED,
    )

    assert sum(len(each.title) for each in parsed.listings) < 10_000


def test_a_feed_beyond_the_limit_is_refused() -> None:
    """A feed longer than the limit is refused, and the message names the limit."""
    with pytest.raises(PageRefused, match=f"at most {MAX_FEED_CHARS}"):
        parse_page(toml_adapter(FEED), b" " * (MAX_FEED_CHARS + 1), url=URL, role=PageRole.FEED)


def test_a_local_file_is_never_opened() -> None:
    """A body that is a file name or an address is not opened."""
    assert not parse_page(toml_adapter(FEED), "/etc/passwd", url=URL, role=PageRole.FEED).recognised
    assert not parse_page(toml_adapter(FEED), "file:///etc/passwd", url=URL, role=PageRole.FEED).recognised
