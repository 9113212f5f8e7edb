"""Finds the text behind links to pastes, for paste sites that are configured as sources and for no others.

A link is recognised by what the source file says: by `raw` and `list.url`, which contain the place of the
key, or by the pattern of `list.key`. Links to PrivateBin are never followed, because a request may destroy
a paste.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.clean.text import verbatim
from crawler.sources.definition import FamilySource, PasteBase, SourceDefinition
from crawler.sources.expressions import compile_pattern
from crawler.sources.markup import text_of_markup
from crawler.sources.urls import fill_template, may_be_text

_KEY_PATTERN = r"([A-Za-z0-9._~-]{1,100})"
_PASTEBIN_LINK = re.compile(r"https?://(?:www\.)?pastebin\.com/(?:raw/)?([A-Za-z0-9]{8,16})")
_GIST_LINK = re.compile(r"https?://gist\.github\.com/(?:([A-Za-z0-9-]{1,39})/)?([0-9a-f]{20,40})")

#: Kinds of source whose links can be recognised. A run loads only definitions of these kinds.
LINKED_KINDS = ("paste", "pastebin", "gists")

#: Maps a link to the address of its text. None: the link leads to something else.
LinkReader = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class PasteLinks:
    """The paste sites to which the links of a source's listings are followed, one step deep."""

    readers: tuple[LinkReader, ...] = ()

    @classmethod
    def of(cls, definitions: Iterable[SourceDefinition], *, via: str) -> PasteLinks:
        """Return the links that may be followed from a source that is read `via` "direct" or "tor".

        A paste site that is read through Tor is never requested directly.
        """
        reachable = (each for each in definitions if via == "tor" or each.via == "direct")
        readers = (_link_reader(each) for each in reachable if each.enabled)
        return cls(tuple(reader for reader in readers if reader is not None))

    def text_url(self, link: str) -> str | None:
        """Return the address of the text that `link` leads to, or `None` if the link must not be followed."""
        if not may_be_text(link):
            return None
        found = (reader(link) for reader in self.readers)
        return next((url for url in found if url is not None), None)


def _link_reader(definition: SourceDefinition) -> LinkReader | None:
    if isinstance(definition, PasteBase):
        return lambda link: _text_by_template(definition, link)
    if isinstance(definition, FamilySource) and definition.kind == "pastebin":
        return lambda link: _pastebin_text(definition.start[0], link)
    if isinstance(definition, FamilySource) and definition.kind == "gists":
        return _gist_text
    return None


def _text_by_template(definition: PasteBase, link: str) -> str | None:
    for template in (definition.raw, definition.list.url):
        if template and (key := _key_in_link(template, link)):
            return fill_template(definition.raw, key=key)
    hosts = {urlsplit(url).netloc for url in (*definition.start, definition.raw)}
    pattern = definition.list.key.pattern if definition.list.key is not None else None
    if pattern is None or urlsplit(link).netloc not in hosts:
        return None
    compiled = compile_pattern(pattern)
    # The pattern was written for the text in a row, which is an address with or without its host.
    hit = compiled.search(link) or compiled.search(urlsplit(link).path)
    return fill_template(definition.raw, key=hit[min(1, compiled.groups)]) if hit else None


def _key_in_link(template: str, link: str) -> str | None:
    before, _, after = template.partition("{key}")
    hit = re.fullmatch(re.escape(before) + _KEY_PATTERN + re.escape(after), link)
    return hit[1] if hit else None


def _pastebin_text(start: str, link: str) -> str | None:
    hit = _PASTEBIN_LINK.fullmatch(link)
    host = f"{urlsplit(start).scheme}://{urlsplit(start).netloc}" if "api_scraping" in start else None
    return f"{host or 'https://scrape.pastebin.com'}/api_scrape_item.php?i={hit[1]}" if hit else None


def _gist_text(link: str) -> str | None:
    """Return the address of the first file of a gist."""
    hit = _GIST_LINK.fullmatch(link)
    if hit is None:
        return None
    return f"https://gist.githubusercontent.com/{f'{hit[1]}/{hit[2]}/raw' if hit[1] else f'raw/{hit[2]}'}"


def decode_paste_text(text: str, content_type: str) -> str:
    """Return the text of the response for a paste. Binary data gives an empty string."""
    if "\0" in text[:1_024]:
        return ""
    return verbatim(text_of_markup(text) if content_type.startswith("text/html") else text)
