"""The HTTP proxy of a source: its own one, else that of [crawler]. Never for a source through Tor."""

from __future__ import annotations

from pathlib import Path

from crawler.errors import ProxyFileRefused
from crawler.fetching.secret_file import read_secret_file
from crawler.settings import CrawlerSettings
from crawler.sources import SourceDefinition
from network.proxy_address import ProxyAddress, parse_proxy

#: A URL with its login is one line.
MAX_FILE_BYTES = 4_096


def proxy_of(definition: SourceDefinition, settings: CrawlerSettings) -> ProxyAddress | None:
    """Return the proxy through which a source is fetched; None: no proxy. Raises `ProxyFileRefused`."""
    if definition.via == "tor" or definition.proxy == "":
        return None
    if definition.proxy_file is not None:
        return read_proxy_file(definition.proxy_file)
    if definition.proxy is not None:
        return parse_proxy(definition.proxy)
    return parse_proxy(settings.proxy.get_secret_value()) if settings.proxy is not None else None


def proxy_file_refused(definition: SourceDefinition) -> ProxyFileRefused | None:
    """Return why a source's `proxy_file` cannot be used; None if it can, and for a source without one."""
    try:
        if definition.proxy_file is not None:
            read_proxy_file(definition.proxy_file)
    except ProxyFileRefused as refused:
        return refused
    return None


def read_proxy_file(path: Path) -> ProxyAddress:
    """Return the proxy that a file names; raises `ProxyFileRefused`, which quotes nothing of the file."""
    content = read_secret_file(
        path, MAX_FILE_BYTES, setting="proxy_file", holds="the proxy's login", refusal=ProxyFileRefused
    )
    try:
        return parse_proxy(content.decode("utf-8-sig").strip())
    except ValueError as error:
        wanted = "text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ProxyFileRefused(f"{path} does not hold a proxy's address: expected {wanted}.") from None
