"""Links that lead to the text of a paste: those of paste sites that are configured as sources, and no others.

A link is read as the source's file says: by `raw` and `list.url`, which have the key's place in an address,
or by the pattern of `list.key`. PrivateBin's links are left alone: what is asked for there may burn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.clean.text import verbatim
from crawler.sources.definition import FamilySource, PasteBase, SourceDefinition
from crawler.sources.language import compile_pattern
from crawler.sources.markup import text_of_markup
from crawler.sources.urls import filled, may_be_text

_KEY = r"([A-Za-z0-9._~-]{1,100})"
_PASTEBIN = re.compile(r"https?://(?:www\.)?pastebin\.com/(?:raw/)?([A-Za-z0-9]{8,16})")
_GIST = re.compile(r"https?://gist\.github\.com/(?:([A-Za-z0-9-]{1,39})/)?([0-9a-f]{20,40})")

#: Kinds of source whose links can be read; a run looks at the definitions of no others.
LINKED_KINDS = ("paste", "pastebin", "gists")

#: From a link to the address of its text; None for a link to anything else.
Reader = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class PasteLinks:
    """The paste sites that a source's listings are followed to, by one step."""

    readers: tuple[Reader, ...] = ()

    @classmethod
    def of(cls, definitions: Iterable[SourceDefinition], *, via: str) -> PasteLinks:
        """`via`: how the linking source goes out. What is read through Tor is not asked for directly."""
        reachable = (each for each in definitions if via == "tor" or each.via == "direct")
        readers = (_reader(each) for each in reachable if each.enabled)
        return cls(tuple(reader for reader in readers if reader is not None))

    def text_of(self, link: str) -> str | None:
        """Return where the text of what `link` leads to is, or `None` where it is to be left alone."""
        if not may_be_text(link):
            return None
        found = (reader(link) for reader in self.readers)
        return next((url for url in found if url is not None), None)


def _reader(definition: SourceDefinition) -> Reader | None:
    if isinstance(definition, PasteBase):
        return lambda link: _templated(definition, link)
    if isinstance(definition, FamilySource) and definition.kind == "pastebin":
        return lambda link: _scraped(definition.start[0], link)
    if isinstance(definition, FamilySource) and definition.kind == "gists":
        return _gist
    return None


def _templated(definition: PasteBase, link: str) -> str | None:
    for template in (definition.raw, definition.list.url):
        if template and (key := _filled_with(template, link)):
            return filled(definition.raw, key=key)
    hosts = {urlsplit(url).netloc for url in (*definition.start, definition.raw)}
    pattern = definition.list.key.pattern if definition.list.key is not None else None
    if pattern is None or urlsplit(link).netloc not in hosts:
        return None
    compiled = compile_pattern(pattern)
    # The pattern was written for what a row says: an address with its host, or without.
    hit = compiled.search(link) or compiled.search(urlsplit(link).path)
    return filled(definition.raw, key=hit[min(1, compiled.groups)]) if hit else None


def _filled_with(template: str, link: str) -> str | None:
    before, _, after = template.partition("{key}")
    hit = re.fullmatch(re.escape(before) + _KEY + re.escape(after), link)
    return hit[1] if hit else None


def _scraped(start: str, link: str) -> str | None:
    hit = _PASTEBIN.fullmatch(link)
    host = f"{urlsplit(start).scheme}://{urlsplit(start).netloc}" if "api_scraping" in start else None
    return f"{host or 'https://scrape.pastebin.com'}/api_scrape_item.php?i={hit[1]}" if hit else None


def _gist(link: str) -> str | None:
    """A gist's first file."""
    hit = _GIST.fullmatch(link)
    if hit is None:
        return None
    return f"https://gist.githubusercontent.com/{f'{hit[1]}/{hit[2]}/raw' if hit[1] else f'raw/{hit[2]}'}"


def text_read(text: str, content_type: str) -> str:
    """Return what a paste's own address gave, as text; nothing of what is no text."""
    if "\0" in text[:1_024]:
        return ""
    return verbatim(text_of_markup(text) if content_type.startswith("text/html") else text)
