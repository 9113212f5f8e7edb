"""Reads one post of a thread: its author, its time, and the text that its author wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crawler.clean import block
from crawler.clean.text import verbatim
from crawler.listing import ParsedListing
from crawler.sources.adapter import Page
from crawler.sources.families.forums.element_reader import (
    find_elements,
    first_text,
    read_field,
    read_posted_at,
)
from crawler.sources.field_reader import FieldReader
from crawler.sources.kinds.list_adapter import absolute_urls
from crawler.sources.markup import Element, links_of, text_of

#: Replaces content that a site hides from guests. It is the same in every language, so that it can be
#: searched.
HIDDEN = "[hidden by the site]"

_POST_NUMBER = re.compile(r"(\d{1,12})$")
_LINE_TAGS = frozenset(("br", "li", "div", "p", "tr"))


@dataclass(frozen=True, slots=True)
class PostSelectors:
    """The selectors of one post, CSS or XPath as in `ForumProgram`.

    `number` finds an id that ends in the number of the post; `anchor` and this number lead to the post on
    its page. `noise` is text of others (quotes, signature, notes of edits), `code` is the sample, `locked`
    is content that is hidden from guests.

    `opening` matches only in the post that opens a thread, if a program numbers its posts. XenForo pins
    this post above every page of an article or a question, and add-ons of other programs do so too.
    """

    each: str
    anchor: str
    seller: str
    posted: str
    body: str
    noise: tuple[str, ...]
    code: str
    locked: str = ""
    number: str = "xpath:./@id"
    opening: str = ""

    def read_post(self, page: Page, element: Element, reader: FieldReader) -> ParsedListing | None:
        """Return the post, with `p` and its number as its key.

        `None`: a post without text, because it was deleted or its author is ignored.
        """
        number = _POST_NUMBER.search(first_text(element, self.number))
        if number is None:
            return None
        for selector in self.noise:
            for each in find_elements(element, selector):
                _replace_content(each, "")
        for each in find_elements(element, self.locked):
            _replace_content(each, HIDDEN)
        bodies = find_elements(element, self.body)
        if not bodies:
            return None
        sample = "\n\n".join(
            filter(None, (self._take_sample(each) for each in find_elements(element, self.code)))
        )
        body = block("\n".join(text_of(each) for each in bodies))
        reader.findings.note("item", "body", self.body, [body] if body else [], body)
        reader.findings.note("item", "sample", self.code, [sample] if sample else [], sample)
        at = read_posted_at(reader, "item", self.posted, element)
        return ParsedListing(
            key=f"p{number[1]}",
            url=f"{page.url.partition('#')[0]}#{self.anchor}{number[1]}",
            body=body,
            sample=sample,
            seller=read_field(reader, "item", "seller", self.seller, element) or None,
            posted_at=at.at if at else None,
            posted_at_uncertain=bool(at and at.uncertain),
            links=absolute_urls([href for each in bodies for href in links_of(each)], base=page.url),
        )

    def is_opening_post(self, element: Element) -> bool:
        """Whether this is the first post of its thread, by its own number, on any page."""
        return bool(find_elements(element, self.opening))

    def _take_sample(self, code: Element) -> str:
        """Remove a block of code from its post and return its text."""
        text = verbatim("".join(_code_lines(code))).strip("\n")
        _replace_content(code, "")
        return text


def _replace_content(element: Element, text: str) -> None:
    """Replace the content of an element with a text. The element stays, so that it still separates lines."""
    for child in list(element):
        element.remove(child)
    element.text = text


def _code_lines(code: Element) -> Iterator[str]:
    """Yield the text of a block of code. Its lines are separated by tags or by line breaks."""
    yield code.text or ""
    for child in code:
        text = "".join(_code_lines(child)) if isinstance(child.tag, str) else ""
        tail = child.tail or ""
        if child.tag in _LINE_TAGS:
            text, tail = text.rstrip("\r\n") + "\n", tail.lstrip("\r\n")
        yield text + tail
