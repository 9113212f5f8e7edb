"""`<meta http-equiv="refresh">`: a page in place of another one that only leads to it.

It is followed where a page was not recognised, because a page with content may reload itself.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urldefrag, urljoin

from text.charset import decode_page

#: The element stands in the head. Bytes after this are not searched.
MAX_SEARCHED_BYTES = 64 << 10
#: A page that waits longer shows something that somebody should read.
LONGEST_WAIT_S = 30

_HIDDEN = re.compile(r"<!--|<(script|noscript|template|style)\b", re.IGNORECASE)
_META = re.compile(r"<meta\b[^>]{0,2000}>", re.IGNORECASE)
_REFRESH = re.compile(r"http-equiv\s*=\s*[\"']?\s*refresh\b", re.IGNORECASE)
_CONTENT = re.compile(r"content\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_TARGET = re.compile(
    r"\s*(\d{1,6})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"']+?)\s*[\"']?\s*", re.IGNORECASE
)


def refresh_target(body: bytes, *, url: str, charset: str | None = None) -> str | None:
    """Return the address that a page leads to; None if it leads nowhere, to itself, or only after a while."""
    if b"refresh" not in body[:MAX_SEARCHED_BYTES].lower():
        return None
    text = _without_hidden(decode_page(body[:MAX_SEARCHED_BYTES], declared=charset).text)
    for meta in _META.findall(text):
        content = _CONTENT.search(meta)
        if content is None or not _REFRESH.search(meta):
            continue
        found = _TARGET.fullmatch(html.unescape(next(filter(None, content.groups()), "")))
        if found is None or int(found[1]) > LONGEST_WAIT_S:
            return None
        try:
            target = urldefrag(urljoin(url, found[2]))[0]
        except ValueError:
            return None
        return None if target == urldefrag(url)[0] else target
    return None


def _without_hidden(text: str) -> str:
    """Return a page without comments, scripts and what is only for browsers without scripts."""
    lower, kept, at = text.lower(), [], 0
    while (hidden := _HIDDEN.search(text, at)) is not None:
        kept.append(text[at : hidden.start()])
        at = lower.find(f"</{hidden[1].lower()}" if hidden[1] else "-->", hidden.end())
        if at < 0:
            return "".join(kept)
    return "".join([*kept, text[at:]])
