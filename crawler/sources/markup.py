"""HTML of any quality as a tree, and text out of it, in a bounded time.

libxml2 reads broken markup fast, but hostile pages can use two of its limits: the time for one tag grows with
the square of its number of attributes, and parsing stops at a depth of 2048 elements.

Order:

1. A page larger than `SMALL_PAGE_BYTES` is first parsed without building a tree, in time proportional to its
   size, to find out whether a tag has too many attributes.
2. libxml2 builds the tree.
3. If a tag has too many attributes, or libxml2 stopped at its depth limit, `_BoundedBuilder` makes the tree
   from libxml2's events instead: it keeps the first attributes of each tag and flattens deep elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

from lxml import etree

from crawler.clean.text import MAX_BLOCK_CHARS
from crawler.sources.errors import PageRefused, PageUnreadable
from crawler.sources.urls import canonical_url

#: List pages of forums have 50-300 KB. A page larger than this is not parsed.
MAX_PAGE_BYTES = 16 << 20
#: In a page of this size, one tag full of attributes takes libxml2 less than 2 s (25,000: 1.4 s, lxml 6.1.3).
SMALL_PAGE_BYTES = 128 << 10
#: Bytes per call of libxml2; `cpu_bound` can stop the parsing between two calls.
CHUNK_BYTES = 16 << 10
#: A tag with more attributes sends the page to `_BoundedBuilder`, which keeps this many.
MAX_ATTRIBUTES = 64
#: Levels of nesting that `_BoundedBuilder` keeps.
MAX_DEPTH = 256
#: Links kept per body.
MAX_LINKS = 200

#: An lxml element or parser; lxml has no type annotations.
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
        "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "summary",
        "table", "tbody", "tfoot", "thead", "tr", "ul",
    )
)  # fmt: skip
_CELLS = frozenset(("td", "th"))
_HIDDEN = re.compile(r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LINE_ENDS = re.compile(r"(?:[ \t]*\n)+ *")
#: Returned instead of a tree that libxml2 did not finish.
_TOO_DEEP = object()
#: A name that lxml accepts in HTML. `{` would begin a namespace.
_NAME = re.compile(r"[^{&<>/\"'\s\x00-\x1f\ufffe\uffff][^&<>/\"'\s\x00-\x1f\ufffe\uffff]*")
#: Characters that lxml refuses in text, mapped to those that `clean.text` makes of them.
_POSSIBLE = dict.fromkeys((*range(0x20), 0xFFFE, 0xFFFF)) | {ord(c): c for c in "\t\n\r"}
_POSSIBLE |= {ord(c): "\n" for c in "\x0b\x0c\x1c\x1d\x1e"} | {0x1F: " "}


def tree(text: str) -> Element:
    """Return the root element of a page, without comments; an empty `html` for an empty page.

    Raises `PageRefused` for a page beyond `MAX_PAGE_BYTES`, `PageUnreadable` where libxml2 fails.
    """
    body = text.replace("\x00", "").encode("utf-8", "replace")
    if len(body) > MAX_PAGE_BYTES:
        raise PageRefused(f"The page has {len(body)} bytes; at most {MAX_PAGE_BYTES} are parsed.")
    if not body.strip():
        return etree.Element("html")
    bounded = len(body) > SMALL_PAGE_BYTES and fed(body, _parser(_StuffedTag()))
    root = _TOO_DEEP if bounded else fed(body, _parser())
    if root is _TOO_DEEP:
        root = fed(body, _parser(_BoundedBuilder()))
    return etree.Element("html") if root is None else _whole(root)


def _parser(target: object = None) -> Element:
    return etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, target=target
    )


def fed(body: bytes, parser: Element) -> Element:
    """Return a parser's result for a page: the root, `None` if it has no root, or `_TOO_DEEP`.

    Raises `PageUnreadable` where the parser fails before the end of the page, and `MemoryError`.
    """
    try:
        for start in range(0, len(body), CHUNK_BYTES):
            parser.feed(body[start : start + CHUNK_BYTES])
        made = parser.close()
    except etree.XMLSyntaxError as error:
        raise _failure(parser) from error
    fatal = parser.feed_error_log.filter_from_fatals()
    if fatal and not all("Excessive depth" in error.message for error in fatal):
        raise _failure(parser)
    return _TOO_DEEP if fatal else made


def _failure(parser: Element) -> PageUnreadable | MemoryError:
    """The message names libxml2's error and its line, and quotes nothing of the page."""
    errors = parser.feed_error_log.filter_from_fatals() or parser.feed_error_log
    if any(error.type_name == "ERR_NO_MEMORY" for error in errors):
        return MemoryError()
    where = f"{errors[0].type_name} in line {errors[0].line}" if len(errors) else "no error that it names"
    version = ".".join(map(str, etree.LIBXML_VERSION))
    return PageUnreadable(f"libxml2 {version} stopped before the end of the page: {where}.")


def _whole(root: Element) -> Element:
    """Move elements that follow `</html>` into the tree; libxml2 makes them further roots."""
    for extra in list(root.itersiblings()):
        root.append(extra)
    return root


class _StuffedTag:
    """A parser target whose result is whether a tag has more than `MAX_ATTRIBUTES`."""

    def __init__(self) -> None:
        self._stuffed = False

    def start(self, tag: str, attributes: Element) -> None:
        if len(attributes) > MAX_ATTRIBUTES:
            self._stuffed = True

    def close(self) -> bool:
        return self._stuffed


class _BoundedBuilder:
    """Builds a tree of at most `MAX_ATTRIBUTES` per tag and `MAX_DEPTH` levels from libxml2's events.

    A deeper element stands on the last level, beside the one that it was in. What libxml2 reads and lxml
    cannot make loses as little as possible: a tag with an impossible name is a `span`, an attribute with
    an impossible name is left out, and control characters are removed.
    """

    def __init__(self) -> None:
        self._parser = _parser()
        self._root: Element = None
        self._open: list[Element] = []
        self._depth = 0
        self._texts: list[str] = []

    def start(self, tag: str, attributes: Element) -> None:
        self._close(MAX_DEPTH - 1)
        self._depth += 1
        kept = dict(islice(attributes.items(), MAX_ATTRIBUTES))
        try:
            element = self._element(tag, kept)
        except ValueError:
            element = self._element(tag if _NAME.fullmatch(tag) else "span", {})
            _set_possible(element, kept)
        self._open.append(element)

    def data(self, text: str) -> None:
        self._texts.append(text)

    def end(self, tag: str) -> None:
        self._close(min(self._depth, MAX_DEPTH) - 1)
        self._depth -= 1

    def close(self) -> Element:
        self._close(0)
        return self._root

    def _element(self, tag: str, attributes: dict[str, str]) -> Element:
        if self._root is None:
            self._root = self._parser.makeelement(tag, attributes)
            return self._root
        self._write()
        return etree.SubElement(self._open[-1] if self._open else self._root, tag, attributes)

    def _close(self, depth: int) -> None:
        """Close the elements behind the first `depth`."""
        if len(self._open) > depth:
            self._write()
            del self._open[depth:]

    def _write(self) -> None:
        """Write the text that came since the last tag."""
        text = "".join(self._texts).translate(_POSSIBLE)
        self._texts.clear()
        if not text or not self._open:
            return
        above = self._open[-1]
        if len(above):
            above[-1].tail = text
        else:
            above.text = text


def _set_possible(element: Element, attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        if _NAME.fullmatch(name):
            element.set(name, value.translate(_POSSIBLE))


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
    """Return what a reader sees of an element: a line a block, cells parted by tabs, `pre` as it stands.

    A `textarea` within an element is a form to fill in; one that a selector names is the text of a paste.
    """
    if element.tag == "textarea":
        return "".join(_within(element.itertext(), MAX_BLOCK_CHARS)).strip()
    if not len(element) and element.tag not in _DROPPED:
        text = element.text or ""
        return text if element.tag == "pre" else _with_blanks(text).strip()
    text = "".join(_within(_pieces(element), MAX_BLOCK_CHARS))
    return (_LINE_ENDS.sub("\n", text) if "\n" in text else text).strip()


def text_of_markup(markup: str) -> str:
    """Return the text of a piece of HTML; a string without markup is its own text."""
    return text_of(tree(markup)) if "<" in markup or "&" in markup else markup


def links_of(element: Element) -> list[str]:
    return [node.get("href") for node in islice(element.iter("a"), MAX_LINKS) if node.get("href")]


def base_address(url: str, root: Element) -> str | None:
    """Return what the links of a page at `url` count from, by its first `<base href>`; `None` without one."""
    for node in islice(root.iter("base"), MAX_LINKS):
        if href := (node.get("href") or "").strip():
            return canonical_url(href, base=url)
    return None


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
            yield text if verbatim else _with_blanks(text)


def _with_blanks(text: str) -> str:
    """Return a text with a single blank for each white space. No white space but a blank is printable."""
    return text if "  " not in text and text.isprintable() else _SPACE.sub(" ", text)


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
