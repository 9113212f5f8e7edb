"""Telegram's preview of a public channel: which parts of a message are read."""

from __future__ import annotations

import pytest

from crawler.sources import Parsed
from tests.crawler.sources.pages import family_adapter, json_page

URL = "https://t.me/s/leaks"


def message(post: str, inner: str, *, at: str = "2026-03-01T12:30:00+00:00") -> str:
    date = f'<a class="tgme_widget_message_date"><time datetime="{at}">12:30</time></a>'
    return f'<div class="tgme_widget_message" data-post="{post}">{inner}{date}</div>'


def text(markup: str) -> str:
    return f'<div class="tgme_widget_message_text js-message_text">{markup}</div>'


def read(*messages: str, head: str = "") -> Parsed:
    channel = f'{head}<section class="tgme_channel_history">{"".join(messages)}</section>'
    return family_adapter("telegram", "https://t.me/leaks").parse(json_page(channel.encode(), URL))


@pytest.mark.parametrize("start", ["https://t.me/leaks", "https://t.me/s/leaks", "https://t.me/leaks/512"])
def test_a_start_is_any_address_of_the_channel(start: str) -> None:
    """Every address of a channel leads to its preview."""
    assert [follow.url for follow in family_adapter("telegram", start).start({})] == [URL]


def test_messages_of_the_same_second_are_two() -> None:
    """The key of a message is its number in the channel."""
    parsed = read(message("leaks/1", text("One")), message("leaks/2", text("Two")))

    assert [(each.key, each.url) for each in parsed.listings] == [
        ("leaks/1", "https://t.me/leaks/1"),
        ("leaks/2", "https://t.me/leaks/2"),
    ]


def test_what_a_message_answers_is_not_its_own() -> None:
    """The answered message is dropped; title, sample, links and claim of the message itself are read."""
    answered = '<a class="tgme_widget_message_reply"><div class="tgme_widget_message_text">Sample?</div></a>'
    own = text('120k records<br/>of <a href="https://paste.example/x">a lender</a><pre>name\tphone</pre>')

    [listing] = read(message("leaks/1", answered + own)).listings

    assert (listing.title, listing.body, listing.sample) == (
        "120k records",
        "120k records\nof a lender",
        "name\tphone",
    )
    assert (listing.claimed_records, listing.links) == (120_000, ("https://paste.example/x",))


def test_the_text_of_an_album_is_read_once() -> None:
    """The text element that contains another one of the same class is read once."""
    [listing] = read(message("leaks/1", text(text("120k records<br/>of a lender<pre>a,b</pre>")))).listings

    assert (listing.body, listing.sample) == ("120k records\nof a lender", "a,b")


def test_a_file_is_its_name() -> None:
    """A message with a file has the file name as its text, and the file is not an attachment."""
    document = '<div class="tgme_widget_message_document_title">customers.zip</div>'

    [listing] = read(message("leaks/1", document)).listings

    assert (listing.title, listing.body, listing.attachments) == ("customers.zip", "customers.zip", ())


def test_a_poll_and_the_card_of_a_link_are_read() -> None:
    """A company may be named in them alone. The shares of votes change, and are left out."""
    poll = """<div class="tgme_widget_message_poll"><div class="tgme_widget_message_poll_question">Who is
next?</div><div class="tgme_widget_message_poll_option"><div
class="tgme_widget_message_poll_option_percent">61%</div><div
class="tgme_widget_message_poll_option_text">Norwick Mutual</div></div></div>"""
    card = """<a class="tgme_widget_message_link_preview" href="https://paste.example/k7"><div
class="link_preview_site_name">Paste</div><div class="link_preview_title">Peltora clients</div><div
class="link_preview_description">40k rows</div></a>"""

    polled, linked = read(message("leaks/1", poll), message("leaks/2", text("new") + card)).listings

    assert (polled.title, polled.body) == ("Who is next?", "Who is next?\nNorwick Mutual")
    assert linked.body == "new\nPaste\nPeltora clients\n40k rows"
    assert linked.links == ("https://paste.example/k7",)


def test_a_picture_without_words_is_a_message() -> None:
    """A message without text is a listing, so that it does not count as new on every visit."""
    [listing] = read(message("leaks/1", '<a class="tgme_widget_message_photo_wrap"></a>')).listings

    assert (listing.title, listing.body) == ("leaks/1", "")


def test_views_are_no_change() -> None:
    """The number of views, which grows with every visit, is not in the digest."""
    views = "<span class='tgme_widget_message_views'>{}</span>"

    [before], [after] = (
        read(message("leaks/1", text("One") + views.format(count))).listings for count in ("1K", "2K")
    )

    assert before.row_digest == after.row_digest


@pytest.mark.parametrize(
    "head",
    [
        '<a class="tme_messages_more" data-before="41" href="/s/leaks?before=41"></a>',
        '<link rel="prev" href="/s/leaks?before=41">',
    ],
)
def test_older_messages_are_a_page_of_their_own(head: str) -> None:
    """Both kinds of link to older messages give the next page."""
    parsed = read(message("leaks/41", text("One")), head=head)

    assert (parsed.next_page, parsed.end) == (f"{URL}?before=41", False)


def test_the_first_message_is_the_end() -> None:
    """A page without a link to older messages is the end."""
    assert read(message("leaks/1", text("One"))).end


def test_a_channel_without_messages_is_empty() -> None:
    """A channel without messages is recognised."""
    parsed = read()

    assert (parsed.recognised, parsed.listings) == (True, ())


def test_a_private_or_removed_channel_is_no_empty_one() -> None:
    """The page of a private, removed or unknown channel is not recognised."""
    gone = b'<html><div class="tgme_page_extra">If you have Telegram, you can contact @leaks</div></html>'

    assert not family_adapter("telegram", URL).parse(json_page(gone, URL)).recognised


def test_a_message_of_2026_has_wrappers_reactions_and_a_signature() -> None:
    """The text stands beside a video; what the page says about itself, and about who reacted, is not read."""
    owner = '<a class="tgme_widget_message_owner_name"><span dir="auto">Leak market</span></a>'
    label = '<div class="message_media_not_supported_label">{}</div>'
    emoji = '<tg-emoji emoji-id="5"><i class="emoji"><b>\N{FIRE}</b></i></tg-emoji>'
    inner = (
        f'<div class="tgme_widget_message_author">{owner}</div><div class="media_supported_cont">'
        f'<a href="/leaks/9">{label.format("This media is not supported in your browser")}</a>'
        + text(f"{emoji} Fresh base of <b>a lender</b>.<br/><br/>120k records&#33; <a href='?q=x'>#sale</a>")
        + f'</div><div class="media_not_supported_cont">{label.format("Please open Telegram")}</div>'
        '<div class="tgme_widget_message_reactions"><span class="tgme_reaction">6.29K</span></div>'
        '<span class="tgme_widget_message_from_author">marta</span>'
    )

    [listing] = read(message("leaks/9", inner)).listings

    assert listing.title == "\N{FIRE} Fresh base of a lender."
    assert listing.body == "\N{FIRE} Fresh base of a lender.\n120k records! #sale"
    assert (listing.seller, listing.claimed_records) == ("Leak market", 120_000)
