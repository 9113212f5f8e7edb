"""`kind = "json"`: an API that is read with JSONPath."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from crawler.sources.adapter import Page, PageRole
from crawler.sources.definition import JsonOptions, JsonSource, PasteJsonSource
from crawler.sources.errors import PageRefused
from crawler.sources.expressions import compile_json
from crawler.sources.field_reader import MAX_MATCHES, FieldReader, Node, Values
from crawler.sources.kinds.list_adapter import ListAdapter, links_and_attachments
from crawler.sources.markup import MAX_PAGE_BYTES, text_of_markup
from text.charset import Decoded

J = TypeVar("J", bound=JsonSource | PasteJsonSource)


def load_json(text: str) -> Node | None:
    """Return the document, or `None` if it is invalid or nested too deeply.

    Raises `PageRefused` for a document that is too large.
    """
    if len(text) > MAX_PAGE_BYTES:
        raise PageRefused(f"The document has {len(text)} characters; at most {MAX_PAGE_BYTES} are parsed.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def select_json(node: Node, path: str) -> list[Node]:
    """Return what a JSONPath finds. A document that is nested too deeply gives nothing."""
    from jsonpath.exceptions import JSONPathError  # here: see `compile_json`

    if not isinstance(node, (dict, list)):
        return [node] if path == "$" else []
    try:
        return [match.obj for match in islice(compile_json(path).finditer(node), MAX_MATCHES)]
    except JSONPathError:
        return []


class JsonLanguage:
    """Finds texts in a JSON document."""

    def find(self, node: Node, options: JsonOptions, *, link: bool = False) -> list[str]:
        texts = (text for value in select_json(node, options.select) for text in _scalar_texts(value))
        return [text_of_markup(text) if options.markup else text for text in islice(texts, MAX_MATCHES)]


def _scalar_texts(value: Node) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            if not isinstance(each, (list, dict)):
                yield from _scalar_texts(each)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None and not isinstance(value, dict):
        yield str(value)


class JsonListAdapter(ListAdapter[J], Generic[J]):
    language = JsonLanguage()

    def parse_document(self, decoded: Decoded) -> Node | None:
        return load_json(decoded.text)

    def find_rows(self, root: Node) -> list[Node] | None:
        found = select_json(root, self.definition.list.rows)
        if len(found) == 1 and isinstance(found[0], list):
            return found[0]  # an empty array means that nothing is offered
        return found or None

    def row_text(self, row: Node) -> str:
        return json.dumps(row, sort_keys=True, ensure_ascii=False)

    def next_is_off(self, root: Node) -> bool:
        """Return whether `next` is `false`, as in `"next": false`."""
        pages = self.definition.list
        return pages.next is not None and select_json(root, pages.next.select)[:1] == [False]

    def item_values(self, page: Page, root: Node, reader: FieldReader) -> Values | None:
        wanted: Any = getattr(self.definition, "item", None)
        reader.check_gone(root, wanted and wanted.gone)
        values = reader.field_values(root, wanted, part="item") if wanted is not None else None
        return None if values is None else values | links_and_attachments(root, wanted, reader, base=page.url)


class JsonAdapter(JsonListAdapter[JsonSource]):
    """Reads a JSON API."""

    list_role = PageRole.API
