"""Sites: the hosts that have one politeness budget each, however many sources read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from crawler.sources import FamilySource, SourceDefinition
from crawler.sources.definition import HtmlSource, JsonSource, PasteBase

#: Number of start URLs whose site is remembered.
REMEMBERED_STARTS = 4_096


def sites_of(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the sites of a stored definition: host names, with the port if the URL names one."""
    return sites_of_starts(definition.get("start"))


def sites_of_starts(starts: str | Iterable[str] | None) -> frozenset[str]:
    """Return the sites of a source's start URLs."""
    return frozenset(_remembered_site(url) for url in ([starts] if isinstance(starts, str) else starts or ()))


def site_of(url: str) -> str:
    """Return the site of a URL; an invalid URL is a site of its own."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url
    return host.rstrip(".") + (f":{port}" if port not in (None, 80, 443) else "")


#: Each poll for a run that waits needs the sites of every source.
_remembered_site = lru_cache(maxsize=REMEMBERED_STARTS)(site_of)


def named_sites(definition: SourceDefinition) -> frozenset[str]:
    """Return the sites that a source's file names as a start or in a URL template.

    With and without `www.`, because many sites redirect from one to the other.
    """
    bare = {site_of(url).removeprefix("www.") for url in named_urls(definition)}
    return frozenset(bare | {f"www.{site}" for site in bare})


def named_urls(definition: SourceDefinition) -> list[str]:
    """Return the URLs and URL templates that a source's file names."""
    templates = [definition.raw] if isinstance(definition, PasteBase) else []
    if isinstance(definition, HtmlSource | JsonSource | PasteBase):
        templates += [each for each in (definition.list.url, definition.list.page_url) if each]
    item = None if isinstance(definition, FamilySource | PasteBase) else definition.item
    templates += [item.url] if item is not None and item.url else []
    return [*definition.start, *templates]
