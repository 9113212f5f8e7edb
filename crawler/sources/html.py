"""`kind = "html"`: pages read with CSS and XPath."""

from __future__ import annotations

from typing import Generic, TypeVar

from crawler.sources.definition import HtmlSource, MarkupItem, MarkupOptions, PasteHtmlSource
from crawler.sources.fields import MAX_MATCHES, FieldReader, Values
from crawler.sources.language import compile_markup
from crawler.sources.listed import ListedSource, links, targets
from crawler.sources.markup import Element, drop, links_of, text_of, tree
from crawler.sources.page import Page
from text.charset import Decoded

M = TypeVar("M", bound=HtmlSource | PasteHtmlSource)


def select(node: Element, selector: str) -> list[Element]:
    """Return what a selector finds; an XPath that counts or tells gives its one answer as text."""
    found = compile_markup(selector)(node)
    return found if isinstance(found, list) else [str(found)]


class Markup:
    """Finds things in HTML."""

    def find(self, node: Element, options: MarkupOptions, *, link: bool = False) -> list[str]:
        texts = (_text(match, options.attr, link) for match in select(node, options.select)[:MAX_MATCHES])
        return [text for text in texts if text is not None]


def _text(match: Element, attr: str | None, link: bool) -> str | None:
    if isinstance(match, str):
        return str(match)
    if attr is not None:
        value: str | None = match.get(attr)
        return value
    return (match.get("href") or match.get("src") if link else None) or text_of(match)


class HtmlListing(ListedSource[M], Generic[M]):
    language = Markup()

    def document(self, decoded: Decoded) -> Element:
        return tree(decoded.text)

    def rows(self, root: Element) -> list[Element] | None:
        found = select(root, self.definition.list.rows)
        empty = self.definition.list.empty
        return found if found or (empty is not None and select(root, empty)) else None

    def row_text(self, row: Element) -> str:
        return text_of(row)

    def item(self, page: Page, root: Element, reader: FieldReader) -> Values | None:
        wanted = getattr(self.definition, "item", None)
        return item_values(page, root, reader, wanted) if wanted is not None else None


def item_values(page: Page, root: Element, reader: FieldReader, wanted: MarkupItem) -> Values | None:
    """Read an item's page; feeds use it for the pages behind their entries, too."""
    for selector in wanted.drop:
        for element in select(root, selector):
            drop(element)
    values = reader.fields(root, wanted, part="item")
    if values is None:
        return None
    if wanted.links is None and wanted.body is not None:
        bodies = [body for body in select(root, wanted.body.select) if not isinstance(body, str)]
        hrefs = [href for body in bodies[:MAX_MATCHES] for href in links_of(body)]
        values["links"] = links(hrefs, base=page.url)
    return values | targets(root, wanted, reader, base=page.url)


class HtmlAdapter(HtmlListing[HtmlSource]):
    """An HTML site."""
