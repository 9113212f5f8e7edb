"""One post of a thread: who wrote it, when, and what is theirs of what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crawler.clean import block
from crawler.clean.text import verbatim
from crawler.listing import ParsedListing
from crawler.sources.families.find import field, first, found, when
from crawler.sources.fields import FieldReader
from crawler.sources.listed import links
from crawler.sources.markup import Element, links_of, text_of
from crawler.sources.page import Page

#: Stands where a site keeps something from guests; the same for every language, so that it can be searched.
HIDDEN = "[hidden by the site]"

_ID = re.compile(r"(\d{1,12})$")
_LINES = frozenset(("br", "li", "div", "p", "tr"))


@dataclass(frozen=True, slots=True)
class PostSelectors:
    """Where things stand in one post, each in selectors as a `Forum` has them.

    `number` finds an id that ends in the post's number, and `anchor` with it leads to the post on its page.
    `noise` is not its author's text (quotes, signature, marks of edits), `code` is the sample, `locked` what
    guests are not shown. `opening` is there only in the post that opens a thread, where a program numbers its
    posts: XenForo pins that post above every page of an article or a question, and add-ons of others do so.
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

    def read(self, page: Page, element: Element, reader: FieldReader) -> ParsedListing | None:
        """Return the post, its key `p` and its number; `None` for one without text: deleted, or ignored."""
        number = _ID.search(first(element, self.number))
        if number is None:
            return None
        for selector in self.noise:
            for each in found(element, selector):
                _say(each, "")
        for each in found(element, self.locked):
            _say(each, HIDDEN)
        bodies = found(element, self.body)
        if not bodies:
            return None
        sample = "\n\n".join(filter(None, (self._sample(each) for each in found(element, self.code))))
        body = block("\n".join(text_of(each) for each in bodies))
        reader.findings.note("item", "body", self.body, [body] if body else [], body)
        reader.findings.note("item", "sample", self.code, [sample] if sample else [], sample)
        at = when(reader, "item", self.posted, element)
        return ParsedListing(
            key=f"p{number[1]}",
            url=f"{page.url.partition('#')[0]}#{self.anchor}{number[1]}",
            body=body,
            sample=sample,
            seller=field(reader, "item", "seller", self.seller, element) or None,
            posted_at=at.at if at else None,
            posted_at_uncertain=bool(at and at.uncertain),
            links=links([href for each in bodies for href in links_of(each)], base=page.url),
        )

    def opens(self, element: Element) -> bool:
        """Say whether this is the thread's first post, by its own number, on whatever page it stands."""
        return bool(found(element, self.opening))

    def _sample(self, code: Element) -> str:
        """Take a block of code out of its post."""
        text = verbatim("".join(_lines(code))).strip("\n")
        _say(code, "")
        return text


def _say(element: Element, text: str) -> None:
    """Put a text in the place of all that an element says; a block still parts the lines around it."""
    for child in list(element):
        element.remove(child)
    element.text = text


def _lines(code: Element) -> Iterator[str]:
    """Yield a block of code as it stands: some programs part its lines with tags, some with line ends."""
    yield code.text or ""
    for child in code:
        text = "".join(_lines(child)) if isinstance(child.tag, str) else ""
        tail = child.tail or ""
        if child.tag in _LINES:
            text, tail = text.rstrip("\r\n") + "\n", tail.lstrip("\r\n")
        yield text + tail
