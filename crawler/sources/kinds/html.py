"""`kind = "html"`: pages that are read with CSS and XPath."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from crawler.sources.adapter import Page
from crawler.sources.definition import HtmlSource, MarkupItem, MarkupOptions, PasteHtmlSource
from crawler.sources.expressions import compile_markup
from crawler.sources.field_reader import MAX_MATCHES, FieldReader, Values
from crawler.sources.kinds.list_adapter import ListAdapter, absolute_urls, links_and_attachments
from crawler.sources.markup import Element, base_address, drop, links_of, text_of, tree
from text.charset import Decoded

#: Classes of a link to a page that does not exist, in the usual frameworks.
_OFF_CLASSES = frozenset({"disabled", "is-disabled", "btn-disabled", "inactive", "pagination-disabled"})

M = TypeVar("M", bound=HtmlSource | PasteHtmlSource)


def select_elements(node: Element, selector: str) -> list[Element]:
    """Return the elements that a selector finds.

    An XPath with a single result, such as `count()`, gives this as a text.
    """
    found = compile_markup(selector)(node)
    return found if isinstance(found, list) else [str(found)]


class MarkupLanguage:
    """Finds texts in HTML."""

    def find(self, node: Element, options: MarkupOptions, *, link: bool = False) -> list[str]:
        texts = (
            _match_text(match, options.attr, link)
            for match in select_elements(node, options.select)[:MAX_MATCHES]
        )
        return [text for text in texts if text is not None]


def _match_text(match: Element, attr: str | None, link: bool) -> str | None:
    if isinstance(match, str):
        return str(match)
    if attr is not None:
        value: str | None = match.get(attr)
        return value
    return (match.get("href") or match.get("src") if link else None) or text_of(match)


class HtmlListAdapter(ListAdapter[M], Generic[M]):
    language = MarkupLanguage()

    def parse_document(self, decoded: Decoded) -> Element:
        return tree(decoded.text)

    def find_rows(self, root: Element) -> list[Element] | None:
        found = select_elements(root, self.definition.list.rows)
        empty = self.definition.list.empty
        return found if found or (empty is not None and select_elements(root, empty)) else None

    def base_address(self, page: Page, root: Element) -> str | None:
        return base_address(page.url, root)

    def row_text(self, row: Element) -> str:
        return text_of(row)

    def row_name(self, row: Element) -> str:
        # Not the whole row: "3 hours ago" would make another listing of it in each run.
        return max(re.split(r"[\n\t]+", text_of(row)), key=len)

    def is_heading(self, row: Element) -> bool:
        if isinstance(row, str):
            return not row.strip()
        headed = next(row.iter("th"), None) is not None and next(row.iter("td"), None) is None
        return headed or not text_of(row)

    def next_is_off(self, root: Element) -> bool:
        """Return whether the link to the next page, or an element around it, is marked as disabled."""
        pages = self.definition.list
        found = select_elements(root, pages.next.select)[:1] if pages.next is not None else []
        around = [
            each for link in found if not isinstance(link, str) for each in (link, *link.iterancestors())
        ]
        return any(
            each.get("aria-disabled") == "true"
            or each.get("disabled") is not None
            or not _OFF_CLASSES.isdisjoint((each.get("class") or "").lower().split())
            for each in around[:3]
        )

    def next_is_text(self, root: Element) -> bool:
        pages = self.definition.list
        if pages.next is None or pages.next.attr is not None:
            return False
        return any(not link.get("href") and not link.get("src") for link in self._next_elements(root))

    def _next_elements(self, root: Element) -> list[Element]:
        """Return the first match of `next`, if it is an element."""
        pages = self.definition.list
        found = select_elements(root, pages.next.select)[:1] if pages.next is not None else []
        return [each for each in found if not isinstance(each, str)]

    def item_values(self, page: Page, root: Element, reader: FieldReader) -> Values | None:
        wanted = getattr(self.definition, "item", None)
        return read_item_page(page, root, reader, wanted) if wanted is not None else None


def read_item_page(page: Page, root: Element, reader: FieldReader, wanted: MarkupItem) -> Values | None:
    """Return the values of an item page, or `None` if a required field is missing. Feeds use it too.

    Raises `NotThere` if the page says that its listing does not exist.
    """
    reader.check_gone(root, wanted.gone)
    for selector in wanted.drop:
        for element in select_elements(root, selector):
            drop(element)
    values = reader.field_values(root, wanted, part="item")
    if values is None:
        return None
    if wanted.links is None and wanted.body is not None:
        bodies = [body for body in select_elements(root, wanted.body.select) if not isinstance(body, str)]
        hrefs = [href for body in bodies[:MAX_MATCHES] for href in links_of(body)]
        values["links"] = absolute_urls(hrefs, base=page.links_from)
    return values | links_and_attachments(root, wanted, reader, base=page.links_from)


class HtmlAdapter(HtmlListAdapter[HtmlSource]):
    """Reads an HTML site."""
