"""`kind = "json"`: an API read with JSONPath."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from jsonpath.exceptions import JSONPathError

from crawler.sources.definition import JsonOptions, JsonSource, PasteJsonSource
from crawler.sources.errors import PageRefused
from crawler.sources.fields import MAX_MATCHES, FieldReader, Node, Values
from crawler.sources.language import compile_json
from crawler.sources.listed import ListedSource, targets
from crawler.sources.markup import MAX_PAGE_BYTES, text_of_markup
from crawler.sources.page import Page, Role
from text.charset import Decoded

J = TypeVar("J", bound=JsonSource | PasteJsonSource)


def loaded(text: str) -> Node | None:
    """Return the document, or `None` for what is no JSON or nested too deep; raises `PageRefused`."""
    if len(text) > MAX_PAGE_BYTES:
        raise PageRefused(f"The document has {len(text)} characters; at most {MAX_PAGE_BYTES} are parsed.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def select(node: Node, path: str) -> list[Node]:
    """Return what a JSONPath finds; one that meets a document deeper than it may go finds nothing."""
    if not isinstance(node, (dict, list)):
        return [node] if path == "$" else []
    try:
        return [match.obj for match in islice(compile_json(path).finditer(node), MAX_MATCHES)]
    except JSONPathError:
        return []


class Json:
    """Finds things in a JSON document."""

    def find(self, node: Node, options: JsonOptions, *, link: bool = False) -> list[str]:
        texts = (text for value in select(node, options.select) for text in _texts(value))
        return [text_of_markup(text) if options.markup else text for text in islice(texts, MAX_MATCHES)]


def _texts(value: Node) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            if not isinstance(each, (list, dict)):
                yield from _texts(each)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None and not isinstance(value, dict):
        yield str(value)


class JsonListing(ListedSource[J], Generic[J]):
    language = Json()

    def document(self, decoded: Decoded) -> Node | None:
        return loaded(decoded.text)

    def rows(self, root: Node) -> list[Node] | None:
        found = select(root, self.definition.list.rows)
        if len(found) == 1 and isinstance(found[0], list):
            return found[0]  # an empty array is an answer: nothing is offered
        return found or None

    def row_text(self, row: Node) -> str:
        return json.dumps(row, sort_keys=True, ensure_ascii=False)

    def item(self, page: Page, root: Node, reader: FieldReader) -> Values | None:
        wanted: Any = getattr(self.definition, "item", None)
        values = reader.fields(root, wanted, part="item") if wanted is not None else None
        return None if values is None else values | targets(root, wanted, reader, base=page.url)


class JsonAdapter(JsonListing[JsonSource]):
    """A JSON API."""

    list_role = Role.API
