"""A page of a site as lines of text, each with the place where it stands, for people who write selectors.

Each line is what one block of the page shows, masked. An element within a block has a line of its own only if
the masked text of the block still shows what it says: so a number that markup cuts into pieces stays masked.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import brotli
from backports import zstd
from lxml import etree

from crawler.clean.text import line
from crawler.sources.markup import Element, text_of, tree
from matching.masks import mask_text
from text.charset import decode_page

MAX_LINES = 400
LINE_CHARS = 300
PLACE_CHARS = 120
#: Of a page, as it is read: what stands behind is not shown.
MAX_BYTES = 4 << 20
MAX_ELEMENTS = 20_000
MAX_JSON_DEPTH = 12
MAX_ENCODINGS = 2
_BLOCKS = frozenset(
    """
    address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header html li main nav ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()  # noqa: SIM905 - one word per line would be 40 lines
)
_UNSEEN = frozenset(("script", "style", "noscript", "template", "head", "iframe", "object", "svg", "math"))
_NAME = re.compile(r"[A-Za-z][\w-]{0,60}")


@dataclass(frozen=True, slots=True)
class PageLines:
    """`lines`: place and text. `cut`: the page has more. A place holds printable ASCII only."""

    lines: Sequence[tuple[str, str]]
    charset: str
    cut: bool


def page_lines(body: bytes, *, content_type: str = "", charset: str | None = None) -> PageLines:
    """Return the lines of a page; raises `PageUnreadable` where libxml2 fails."""
    decoded = decode_page(body, declared=charset, limit=MAX_BYTES)
    text = decoded.text.lstrip()
    found = _lines_of(text, content_type.partition(";")[0].strip().lower())
    lines = list(islice((each for each in found if each[1]), MAX_LINES + 1))
    return PageLines(lines[:MAX_LINES], decoded.charset, len(lines) > MAX_LINES or len(body) > MAX_BYTES)


def _lines_of(text: str, content_type: str) -> Iterator[tuple[str, str]]:
    if text[:1] in "{[" and text:
        try:
            return _json_lines(json.loads(text), "$", 0)
        except (ValueError, RecursionError):
            pass
    if "<" not in text[:2_000] or content_type == "text/plain":
        return (("", _shown(each)) for each in text.split("\n", MAX_LINES * 4)[: MAX_LINES * 4])
    is_xml = content_type.endswith("xml") or text.startswith("<?xml")
    return _element_lines(tree(text), every=is_xml and "<html" not in text[:2_000])


def _shown(text: str) -> str:
    """Return a masked line. It is masked before it is cut, so that no half of an identifier stays."""
    return line(mask_text(text[: LINE_CHARS * 8]), limit=LINE_CHARS)


def _json_lines(value: object, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_JSON_DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f".{key}" if _NAME.fullmatch(key) else f"[{json.dumps(_shown(key)[:40])}]"  # ASCII
            yield from _json_lines(inner, f"{place}{name}", depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _json_lines(inner, f"{place}[{number}]", depth + 1)
    elif value is not None:
        yield place[-PLACE_CHARS:], _shown(value if isinstance(value, str) else json.dumps(value))


def _element_lines(root: Element, *, every: bool) -> Iterator[tuple[str, str]]:
    """Yield the lines of a tree; `every`: each element is a block, as in a feed."""
    nodes = list(islice(root.iter(etree.Element), MAX_ELEMENTS))
    blocks = {node for node in nodes if every or node.tag in _BLOCKS}
    holding: set[Element] = set()  # elements with a block inside
    for node in blocks:
        above = node.getparent()
        while above is not None and above not in holding:
            holding.add(above)
            above = above.getparent()
    skipped: set[Element] = set()
    for node in nodes:
        above = node.getparent()
        if above in skipped or node.tag in _UNSEEN:
            skipped.add(node)
            continue
        if node in holding:
            pieces = [node.text, *(child.tail for child in node if child.tail and child.tail.strip())]
            for piece in pieces:
                if piece and piece.strip():
                    yield _place(node), _shown(piece)
            if node not in blocks and above is not None and above not in holding:
                skipped.add(node)
        elif above is None or above in holding:
            yield from _leaf_lines(node)
            skipped.add(node)


def _leaf_lines(node: Element) -> Iterator[tuple[str, str]]:
    """Yield the line of a block, and of those elements in it that can be named."""
    shown = _shown(text_of(node))
    yield _place(node), shown
    for inner in islice(node.iterdescendants(etree.Element), 50):
        if inner.tag in _UNSEEN or not (inner.tag == "a" or inner.get("class") or inner.get("id")):
            continue
        own = _shown(text_of(inner))
        if own and own in shown:
            yield _place(inner), own


def _place(node: Element) -> str:
    """Return where an element stands as a selector: at most three of its ancestors, and itself."""
    steps: list[str] = []
    while node is not None and len(steps) < 4 and isinstance(node.tag, str):
        named = [f".{each}" for each in (node.get("class") or "").split()[:2] if _NAME.fullmatch(each)]
        own = node.get("id") or ""
        steps.append(node.tag[:40] + (f"#{own}" if _NAME.fullmatch(own) else "") + "".join(named))
        node = node.getparent()
    return mask_text(" ".join(reversed(steps)))[-PLACE_CHARS:]


def undo_encoding(body: bytes, coding: str) -> bytes:
    """Return a stored body without its compression, as far as it can be undone: its first MAX_BYTES."""
    layers = [each.strip().lower() for each in coding.split(",") if each.strip()]
    for each in reversed(layers[-MAX_ENCODINGS:]):
        try:
            body = _one_layer(body, each)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError):
            return body
    return body


def _one_layer(body: bytes, coding: str) -> bytes:
    if coding in ("gzip", "x-gzip"):
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body, MAX_BYTES + 1)
    if coding == "deflate":
        try:
            return zlib.decompressobj().decompress(body, MAX_BYTES + 1)
        except zlib.error:
            return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(body, MAX_BYTES + 1)
    if coding == "br":
        return bytes(brotli.Decompressor().process(body, output_buffer_limit=MAX_BYTES + 1))
    if coding == "zstd":
        return bytes(zstd.ZstdDecompressor().decompress(body, MAX_BYTES + 1))
    return body
