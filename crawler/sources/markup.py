"""HTML of any quality as a tree, and text out of it, in a bounded time.

libxml2 reads broken markup fast, with two limits that hostile pages know: attributes cost the square of
their number in one tag, and it stops at a depth of 2048. So a page that is large or too deep goes through a
builder of our own, which keeps the first attributes of a tag and flattens what is deeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

from lxml import etree

from crawler.clean.text import MAX_BLOCK_CHARS
from crawler.sources.errors import PageRefused

#: A list page of a forum is 50-300 KB; what is larger than this is not parsed at all.
MAX_PAGE_BYTES = 16 << 20
#: Below this even one tag full of attributes costs libxml2 less than a second.
SMALL_PAGE_BYTES = 128 << 10
MAX_ATTRIBUTES = 64
MAX_DEPTH = 256
#: How many links of one body are kept.
MAX_LINKS = 200

#: Whatever lxml made: it ships no annotations.
Element: TypeAlias = Any

_DROPPED = frozenset(
    (
        "script", "style", "noscript", "template", "head", "iframe", "object", "svg", "math", "select",
        "textarea",
    )
)  # fmt: skip
_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "body", "br", "center", "dd", "details", "div",
        "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
        "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary",
        "table", "tbody", "tfoot", "thead", "tr", "ul",
    )
)  # fmt: skip
_CELLS = frozenset(("td", "th"))
_HIDDEN = re.compile(r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LINE_ENDS = re.compile(r"(?:[ \t]*\n)+ *")
_TOO_DEEP = "Excessive depth"


def tree(text: str) -> Element:
    """Return the root element of a page; raises `PageRefused` for one beyond `MAX_PAGE_BYTES`."""
    body = text.replace("\x00", "").encode("utf-8", "replace")
    if len(body) > MAX_PAGE_BYTES:
        raise PageRefused(f"The page has {len(body)} bytes; at most {MAX_PAGE_BYTES} are parsed.")
    if len(body) <= SMALL_PAGE_BYTES:
        parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
        root = _parsed(body, parser)
        if not any(_TOO_DEEP in error.message for error in parser.error_log):
            return root
    return _parsed(body, etree.HTMLParser(encoding="utf-8", huge_tree=True, target=_BoundedBuilder()))


def _parsed(body: bytes, parser: Element) -> Element:
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        root = None
    return etree.Element("html") if root is None else root


class _BoundedBuilder:
    """Builds a tree with at most `MAX_ATTRIBUTES` a tag; what is below `MAX_DEPTH` stands on that level."""

    def __init__(self) -> None:
        self._builder = etree.TreeBuilder()
        self._depth = 0
        self.data = self._builder.data

    def start(self, tag: str, attributes: Element) -> None:
        self._depth += 1
        if self._depth >= MAX_DEPTH:
            self._builder.start(tag, {})
            self._builder.end(tag)
        elif len(attributes) > MAX_ATTRIBUTES:
            self._builder.start(tag, dict(islice(attributes.items(), MAX_ATTRIBUTES)))
        else:
            self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        if self._depth < MAX_DEPTH:
            self._builder.end(tag)
        self._depth -= 1

    def close(self) -> Element:
        return self._builder.close()


def drop(element: Element) -> None:
    """Take an element out of its tree; the text behind it stays."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def text_of(element: Element) -> str:
    """Return what a reader sees of an element: a line a block, cells parted by tabs, `pre` as it stands."""
    if not len(element) and element.tag not in _DROPPED:
        text = element.text or ""
        return text if element.tag == "pre" else _SPACE.sub(" ", text).strip()
    text = "".join(_within(_pieces(element), MAX_BLOCK_CHARS))
    return _LINE_ENDS.sub("\n", text).strip()


def text_of_markup(markup: str) -> str:
    """Return the text of a piece of HTML; a string without markup is its own text."""
    return text_of(tree(markup)) if "<" in markup or "&" in markup else markup


def links_of(element: Element) -> list[str]:
    return [node.get("href") for node in islice(element.iter("a"), MAX_LINKS) if node.get("href")]


def _pieces(element: Element) -> Iterator[str]:
    walk = etree.iterwalk(element, events=("start", "end"))
    verbatim = 0
    for event, node in walk:
        tag = node.tag
        if event == "start":
            if tag in _DROPPED or _hidden(node):
                walk.skip_subtree()
                continue
            verbatim += tag == "pre"
            if tag in _BLOCKS:
                yield "\n"
            elif tag in _CELLS and node.getprevious() is not None:
                yield "\t"
            text = node.text
        else:
            dropped = tag in _DROPPED or _hidden(node)
            verbatim -= tag == "pre" and not dropped
            if tag in _BLOCKS and not dropped:
                yield "\n"
            text = node.tail if node is not element else None
        if text:
            yield text if verbatim else _SPACE.sub(" ", text)


def _hidden(node: Element) -> bool:
    style = node.get("style")
    if style is not None and _HIDDEN.search(style[:1_000].replace(" ", "")):
        return True
    return node.get("hidden") is not None


def _within(pieces: Iterator[str], limit: int) -> Iterator[str]:
    for piece in pieces:
        if limit <= 0:
            return
        yield piece[:limit]
        limit -= len(piece)
