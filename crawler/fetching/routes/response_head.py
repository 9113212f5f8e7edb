"""Heads of responses that browsers read and strict parsers refuse: one such header must not hide a site.

Left out: a line without a colon or with a name that no header can have, further copies of one length, and a
length beside `chunked`, which takes precedence (RFC 9112, 6.3). Two different lengths stay an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp.client_proto import ResponseHandler

from crawler.fetching.guard import MAX_HEADER_BYTES

if TYPE_CHECKING:
    import asyncio

    import aiohttp

#: A longer head is passed on as it is: the parser has its own limits.
MAX_HEAD_BYTES = 16 * MAX_HEADER_BYTES
_END = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def clean_head(head: bytes) -> bytes:
    """Return the head of a response, without its empty line, as a strict parser reads it."""
    status, *lines = re.split(rb"\r?\n", head)
    if not status.startswith(b"HTTP/"):
        return head
    kept: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            # The rest of the header before it.
            kept += [(b"", line)] if kept else []
        elif colon and _NAME.fullmatch(name.rstrip(b" \t")):
            kept.append((name.rstrip(b" \t"), value))
    chunked = any(
        name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in kept
    )
    lengths = [value for name, value in kept if name.lower() == b"content-length"]
    different = {part.strip() for value in lengths for part in value.split(b",")}
    if lengths and chunked:
        kept = [(name, value) for name, value in kept if name.lower() != b"content-length"]
    elif lengths and len(different) == 1 and lengths != [b" " + next(iter(different))]:
        first = next(place for place, (name, _) in enumerate(kept) if name.lower() == b"content-length")
        others = [each for each in kept[first + 1 :] if each[0].lower() != b"content-length"]
        kept = [*kept[:first], (kept[first][0], b" " + different.pop()), *others]
    return b"\r\n".join([status, *(name + b":" + value if name else value for name, value in kept)])


class HeadBuffer:
    """The bytes of a response until its head is complete."""

    def __init__(self) -> None:
        self._head: bytes | None = None

    def expect(self) -> None:
        """Record that the next bytes begin a response."""
        self._head = b""

    def feed(self, data: bytes) -> bytes:
        """Return what may be parsed: nothing until the head is complete, then the clean head and the rest."""
        if self._head is None:
            return data
        self._head += data
        end = _END.search(self._head)
        if end is None and len(self._head) <= MAX_HEAD_BYTES:
            return b""
        whole, self._head = self._head, None
        return whole if end is None else clean_head(whole[: end.start()]) + b"\r\n\r\n" + whole[end.end() :]

    def rest(self) -> bytes:
        """Return the bytes of a head that never became complete."""
        rest, self._head = self._head or b"", None
        return rest


class TolerantHandler(ResponseHandler):
    """aiohttp's protocol for one connection.

    It keeps the protocol that it replaces, because the end of that one would close the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, keeps: ResponseHandler | None = None) -> None:
        super().__init__(loop)
        self._replaced = keeps
        self._tolerated = HeadBuffer()

    def set_response_params(self, **parameters: Any) -> None:  # noqa: ANN401 - aiohttp's signature
        self._tolerated.expect()
        super().set_response_params(**parameters)

    def data_received(self, data: bytes) -> None:
        if ready := self._tolerated.feed(data):
            super().data_received(ready)

    def eof_received(self) -> None:
        self._pass_on()
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._pass_on()
        super().connection_lost(exc)

    def _pass_on(self) -> None:
        if rest := self._tolerated.rest():
            super().data_received(rest)


def make_tolerant(connector: aiohttp.BaseConnector) -> aiohttp.BaseConnector:
    """Let a connector read the heads that browsers read; aiohttp has no option for it."""
    loop = connector._loop
    connector._factory = lambda: TolerantHandler(loop)  # type: ignore[assignment]
    return connector
