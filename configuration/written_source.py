"""A source that somebody writes in the console: read as a file of sources/.

Refused is what only a person at the machine may decide, who could read its files anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError

from configuration.declared_files import parse_toml
from configuration.mistake_messages import Mistake, Schema, mistakes_of
from crawler.errors import FetchRefused
from crawler.fetching.guard import Guard
from crawler.sites import named_urls
from crawler.sources import SourceDefinition, holds_keys
from network.internal_hosts import is_internal_name

MAX_BYTES = 64 * 1024
_ADAPTER: TypeAdapter[SourceDefinition] = TypeAdapter(SourceDefinition)


@dataclass(frozen=True, slots=True)
class WrittenSource:
    """`definition` is None if there are mistakes. The file of each mistake is the source's name."""

    definition: SourceDefinition | None
    mistakes: Sequence[Mistake]


def read_written_source(
    text: str, *, name: str, tor_proxy: str | None, private_hosts: Collection[str] = ()
) -> WrittenSource:
    """Read the TOML of a source. It may read no file of the server, and no host of a private network except
    `private_hosts`.
    """
    mistakes: list[Mistake] = []
    content, place = text.encode("utf-8", "replace"), Path(name)
    if len(content) > MAX_BYTES:
        mistakes.append(Mistake(name, "", f"{len(content)} bytes", f"at most {MAX_BYTES} bytes"))
        return WrittenSource(None, mistakes)
    values = parse_toml(content, place, mistakes)
    if values is None:
        return WrittenSource(None, mistakes)
    try:
        definition = _ADAPTER.validate_python(values)
    except ValidationError as error:
        found = mistakes_of(error, origin=lambda _: name, data=values, schema=_schema())
        return WrittenSource(None, found)
    except RecursionError:
        return WrittenSource(None, [Mistake(name, "", "values within values", "a flat table")])
    refused = list(_refusals(definition, name, tor_proxy, frozenset(private_hosts)))
    return WrittenSource(None if refused else definition, refused)


@cache
def _schema() -> Schema:
    return _ADAPTER.json_schema()


def _refusals(
    definition: SourceDefinition, name: str, tor_proxy: str | None, private_hosts: frozenset[str]
) -> Iterator[Mistake]:
    in_file = "no such key in the console; declare the source in a file of sources/ instead"
    for key in dict.fromkeys(_paths_in(definition)):
        yield Mistake(name, key, "a file of the server", in_file)
    if definition.proxy is not None:
        yield Mistake(name, "proxy", "a way out of this network", in_file)
    if holds_keys(definition):
        wanted = "another kind, because keys stand in files only"
        yield Mistake(name, "kind", "a kind whose addresses hold keys", wanted)
    for host in definition.allow_private_addresses:
        if host not in private_hosts:
            wanted = "a host that private_hosts of [web] in spillwatch.toml names"
            yield Mistake(name, "allow_private_addresses", repr(host)[:80], wanted)
    guard = Guard.of(
        set(definition.allow_private_addresses) & private_hosts,
        via=definition.via,
        tor_proxy=tor_proxy,
        named=named_urls(definition),
    )
    for url in definition.start:
        host = urlsplit(url).hostname or ""
        try:
            guard.check_request("GET", url)
        except FetchRefused as refused:
            yield Mistake(name, "start", host[:80] or "no host", str(refused).rstrip("."))
        else:
            if is_internal_name(host) and host not in private_hosts:
                wanted = "a site that everybody can reach, or a host that private_hosts of [web] names"
                yield Mistake(name, "start", repr(host)[:80], wanted)


def _paths_in(value: object, key: str = "") -> Iterator[str]:
    """Yield the keys of a definition that name files, wherever they stand in it."""
    if isinstance(value, Path):
        yield key
    elif isinstance(value, BaseModel):
        for name, inner in value:
            yield from _paths_in(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths_in(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _paths_in(inner, key)
