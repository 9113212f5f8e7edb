"""Telegram: the preview of a public channel (`t.me/s/NAME`), without account or API.

The key of a message is its number in the channel (`data-post`), so that two messages of one second differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from crawler.clean import Clock, block, claimed_count, line
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.definition import FamilySource
from crawler.sources.families.family import Digest, Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    date_fields,
    extract_sample,
    page_of_listings,
    seller_name,
)
from crawler.sources.kinds.html import select_elements
from crawler.sources.kinds.list_adapter import absolute_urls
from crawler.sources.markup import Element, drop, links_of, text_of, tree
from crawler.sources.urls import canonical_url
from text.charset import decode_page

_MESSAGE = "div.tgme_widget_message[data-post]"
_POST = re.compile(r"\w{3,64}/\d{1,12}")
_CHANNEL = re.compile(r"^/(?:s/)?(\w{3,64})(?:/\d+)?/?$")
#: The message that this one answers.
_QUOTES = "a.tgme_widget_message_reply"
#: The question and the answers of a poll, without the shares of votes.
_POLL = ".tgme_widget_message_poll_question, .tgme_widget_message_poll_option_text"
#: What the card of a link shows of the page behind it.
_CARD = ".link_preview_site_name, .link_preview_title, .link_preview_description"
_IS_TEXT = "contains(concat(' ', @class, ' '), ' tgme_widget_message_text ')"
#: Below an album, the text element contains another one of the same class.
_TEXT = f"xpath:.//*[{_IS_TEXT}][not(ancestor::*[{_IS_TEXT}])]"


class Telegram:
    """Reads a channel from its newest messages backwards."""

    def __init__(self, definition: FamilySource, digest: Digest) -> None:
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(_preview_url(url), PageRole.LIST) for url in self.definition.start]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        return replace(self._read_messages(page, tree(decoded.text)), charset=decoded.charset)

    def _read_messages(self, page: Page, root: Element) -> Parsed:
        messages = select_elements(root, _MESSAGE)
        # A private or removed channel has the same page as an unknown name. That is not an empty channel.
        if not messages and not select_elements(root, "section.tgme_channel_history"):
            return Parsed(recognised=False)
        clock = Clock.of(page.fetched_at, timezone=self.definition.timezone, order=self.definition.date_order)
        older = _older_page(page.url, root)
        found = (self._message_listing(message, page, clock) for message in messages)
        return page_of_listings(found, next_page=older, end=older is None)

    def _message_listing(self, message: Element, page: Page, clock: Clock) -> ParsedListing | None:
        post = message.get("data-post", "")
        if not _POST.fullmatch(post):
            return None
        for element in select_elements(message, _QUOTES):
            drop(element)
        url = canonical_url(f"/{post}", base=page.url) or page.url
        bodies = select_elements(message, _TEXT)
        cards = select_elements(message, "a.tgme_widget_message_link_preview")
        hrefs = [href for each in bodies for href in links_of(each)]
        hrefs += [href for card in cards if (href := card.get("href"))]
        sample = "\n\n".join(filter(None, (extract_sample(each, "pre") for each in bodies)))
        files = [text_of(each) for each in select_elements(message, ".tgme_widget_message_document_title")]
        polls = [text_of(each) for each in select_elements(message, _POLL)]
        shown = [text_of(each) for card in cards for each in select_elements(card, _CARD)]
        body = block("\n".join((*map(text_of, bodies), *files, *polls, *shown)))
        dates = select_elements(message, "a.tgme_widget_message_date time[datetime]")
        return ParsedListing(
            key=post,
            url=url,
            title=line(body.partition("\n")[0], limit=200) or post,
            body=body,
            seller=seller_name(_first_text(message, ".tgme_widget_message_owner_name")),
            claimed_records=claimed_count(body),
            sample=sample,
            links=absolute_urls(hrefs, base=page.url),
            row_digest=self.digest(f"{body}\x1f{sample}"),
            **date_fields(dates[0].get("datetime") if dates else "", clock),
        )


def _first_text(message: Element, selector: str) -> str:
    found = select_elements(message, selector)
    return text_of(found[0]) if found else ""


def _older_page(url: str, root: Element) -> str | None:
    """Return the page with the messages before these.

    Its URL is made from a number, because links on this page can be relative.
    """
    before = [
        link.get("data-before", "") for link in select_elements(root, "a.tme_messages_more[data-before]")
    ]
    before += re.findall(r"[?&]before=(\d{1,12})", " ".join(_previous_links(root)))
    numbers = [int(number) for number in before if re.fullmatch(r"\d{1,12}", number)]
    older = f"{url.partition('?')[0]}?before={min(numbers)}" if numbers else None
    return older if older != url else None


def _previous_links(root: Element) -> list[str]:
    return [link.get("href", "") for link in select_elements(root, "link[rel=prev]")]


def _preview_url(url: str) -> str:
    parts = urlsplit(url)
    found = _CHANNEL.match(parts.path)
    return f"{parts.scheme}://{parts.netloc}/s/{found[1]}" if found else url


def _channel_start(page: UnknownPage) -> str:
    return _preview_url(page.url)


TELEGRAM = Family(
    name="telegram",
    title="Telegram's preview of a public channel",
    signs=(
        SoftwareSign(Where.URL, re.compile(r"^https://(?:t|telegram)\.me/"), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"class=[\"']tgme_(?:widget_message|channel_info)"), 4),
    ),
    adapter=Telegram,
    start=_channel_start,
    by_page=frozenset(),
)
