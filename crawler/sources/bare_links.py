"""Addresses that stand in a text without being links: in a paste, a post in plain text, a block of code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from crawler.sources.urls import MAX_URL_CHARS, canonical_url

#: Characters of a text that are searched, and addresses that are taken from one listing.
MAX_SEARCHED_CHARS = 2_000_000
MAX_BARE_LINKS = 200

_REST = r"[^\s<>\"'`|\\^{}（）【】「」《》“”‘’，。；、！？\x00-\x1f]"
_SCHEME = re.compile(rf"(?<![\w.-])h(?:tt|xx)p(s?)://({_REST}{{3,{MAX_URL_CHARS}}})", re.IGNORECASE)
_ONION = re.compile(
    rf"(?<![\w./:@-])((?:[a-z0-9-]{{1,63}}\.)?[a-z2-7]{{56}}\.onion(?:[/:]{_REST}*)?)", re.IGNORECASE
)
#: A host and a path. Without a path, "Smith.and.Sons" could be one.
_HOST = re.compile(
    rf"(?<![\w./:@-])((?:[a-z0-9](?:[a-z0-9-]{{0,62}})\.){{1,4}}[a-z]{{2,24}}/{_REST}{{2,{MAX_URL_CHARS}}})",
    re.IGNORECASE,
)
#: Endings of files: "sample.txt/part" is no address.
_FILE_NAMES = re.compile(
    "txt|csv|tsv|sql|json|xml|log|html?|php|aspx?|js|css|py|sh|md|docx?|xlsx?|pdf|zip|rar|gz|tar|7z|db|bak|conf|"
    "cfg|ini|jpe?g|png|gif"
)
_TRAILING = ".,;:!?*_~'\""
_PAIRS = {")": "(", "]": "["}


def bare_links(texts: Iterable[str]) -> Iterator[str]:
    """Yield the addresses in texts, each once, at most `MAX_BARE_LINKS`.

    `hxxp` and `[.]`, with which people keep an address from being clicked, are undone.
    """
    found: dict[str, None] = {}
    for text in texts:
        for address in _addresses(text[:MAX_SEARCHED_CHARS].replace("[.]", ".")):
            url = canonical_url(address, base="")
            if url is not None and url not in found:
                found[url] = None
                yield url
            if len(found) >= MAX_BARE_LINKS:
                return


def _addresses(text: str) -> Iterator[str]:
    for hit in _SCHEME.finditer(text) if "://" in text else ():
        yield f"http{hit[1].lower()}://{_without_end(hit[2])}"
    for hit in _ONION.finditer(text) if ".onion" in text.lower() else ():
        yield f"http://{_without_end(hit[1])}"
    for hit in _HOST.finditer(text) if "/" in text else ():
        host = hit[1].partition("/")[0].lower()
        if not _FILE_NAMES.fullmatch(host.rpartition(".")[2]) and not host.endswith(".onion"):
            yield f"https://{_without_end(hit[1])}"


def _without_end(address: str) -> str:
    """Return an address without what belongs to the sentence around it."""
    address = address.partition("[/")[0]  # the end of a BBCode
    while address:
        last = address[-1]
        if last in _TRAILING or (last in _PAIRS and address.count(last) > address.count(_PAIRS[last])):
            address = address[:-1]
        else:
            break
    return address
