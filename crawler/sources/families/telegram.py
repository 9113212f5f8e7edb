"""Telegram: the preview that t.me shows of a public channel (`t.me/s/NAME`); no account, no API.

A message's key is its place in the channel (`data-post`): two of the same second are two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from crawler.clean import Clock, block, claimed_count, line
from crawler.listing import ParsedListing
from crawler.sources.definition import FamilySource
from crawler.sources.families.api import cut_out, listed, named, posted
from crawler.sources.families.family import Digest, Family, SoftwareSign, UnknownPage, Where
from crawler.sources.html import select
from crawler.sources.listed import links
from crawler.sources.markup import Element, drop, links_of, text_of, tree
from crawler.sources.page import Follow, Page, Parsed, Role
from crawler.sources.urls import canonical
from text.charset import decode_page

_MESSAGE = "div.tgme_widget_message[data-post]"
_POST = re.compile(r"\w{3,64}/\d{1,12}")
_CHANNEL = re.compile(r"^/(?:s/)?(\w{3,64})(?:/\d+)?/?$")
#: What a message repeats of another: the one that it answers.
_QUOTES = "a.tgme_widget_message_reply"
_IS_TEXT = "contains(concat(' ', @class, ' '), ' tgme_widget_message_text ')"
#: Under an album the text stands in an element of its own kind.
_TEXT = f"xpath:.//*[{_IS_TEXT}][not(ancestor::*[{_IS_TEXT}])]"


class Telegram:
    """A channel, from its newest messages backward."""

    def __init__(self, definition: FamilySource, digest: Digest) -> None:
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(_preview(url), Role.LIST) for url in self.definition.start]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        return replace(self._list(page, tree(decoded.text)), charset=decoded.charset)

    def _list(self, page: Page, root: Element) -> Parsed:
        messages = select(root, _MESSAGE)
        # A private or removed channel has the page of an unknown name: that is not an empty channel.
        if not messages and not select(root, "section.tgme_channel_history"):
            return Parsed(recognised=False)
        clock = Clock.of(page.fetched_at, timezone=self.definition.timezone, order=self.definition.date_order)
        older = _older(page.url, root)
        found = (self._message(message, page, clock) for message in messages)
        return listed(found, next_page=older, end=older is None)

    def _message(self, message: Element, page: Page, clock: Clock) -> ParsedListing | None:
        post = message.get("data-post", "")
        if not _POST.fullmatch(post):
            return None
        for element in select(message, _QUOTES):
            drop(element)
        url = canonical(f"/{post}", base=page.url) or page.url
        bodies = select(message, _TEXT)
        hrefs = [href for each in bodies for href in links_of(each)]
        sample = "\n\n".join(filter(None, (cut_out(each, "pre") for each in bodies)))
        files = [text_of(each) for each in select(message, ".tgme_widget_message_document_title")]
        body = block("\n".join((*map(text_of, bodies), *files)))
        dates = select(message, "a.tgme_widget_message_date time[datetime]")
        return ParsedListing(
            key=post,
            url=url,
            title=line(body.partition("\n")[0], limit=200) or post,
            body=body,
            seller=named(_text(message, ".tgme_widget_message_owner_name")),
            claimed_records=claimed_count(body),
            sample=sample,
            links=links(hrefs, base=page.url),
            row_digest=self.digest(f"{body}\x1f{sample}"),
            **posted(dates[0].get("datetime") if dates else "", clock),
        )


def _text(message: Element, selector: str) -> str:
    found = select(message, selector)
    return text_of(found[0]) if found else ""


def _older(url: str, root: Element) -> str | None:
    """The page of the messages before these, by a number of our own making: links here can be relative."""
    before = [link.get("data-before", "") for link in select(root, "a.tme_messages_more[data-before]")]
    before += re.findall(r"[?&]before=(\d{1,12})", " ".join(_hrefs(root)))
    numbers = [int(number) for number in before if re.fullmatch(r"\d{1,12}", number)]
    older = f"{url.partition('?')[0]}?before={min(numbers)}" if numbers else None
    return older if older != url else None


def _hrefs(root: Element) -> list[str]:
    return [link.get("href", "") for link in select(root, "link[rel=prev]")]


def _preview(url: str) -> str:
    parts = urlsplit(url)
    found = _CHANNEL.match(parts.path)
    return f"{parts.scheme}://{parts.netloc}/s/{found[1]}" if found else url


def _start(seen: UnknownPage) -> str:
    return _preview(seen.url)


TELEGRAM = Family(
    name="telegram",
    title="Telegram's preview of a public channel",
    signs=(
        SoftwareSign(Where.URL, re.compile(r"^https://(?:t|telegram)\.me/"), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"class=[\"']tgme_(?:widget_message|channel_info)"), 4),
    ),
    adapter=Telegram,
    start=_start,
)
