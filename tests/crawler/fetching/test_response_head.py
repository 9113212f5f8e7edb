"""Heads that browsers read: what is left out of them, and what stays an error."""

from __future__ import annotations

import asyncio

import pytest

from crawler.errors import MalformedResponse
from crawler.fetching.routes.json_route import HttpxRoute
from crawler.fetching.routes.page_route import AiohttpRoute
from crawler.fetching.routes.response_head import MAX_HEAD_BYTES, HeadBuffer, clean_head
from crawler.fetching.routes.route import Route
from tests.crawler.fetching.test_routes import fetch

STATUS = b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("headers", "clean"),
    [
        ([b"A: 1", b"no colon here", b"B: 2"], [b"A: 1", b"B: 2"]),
        ([b"Content-Length: 5", b"content-length: 5"], [b"Content-Length: 5"]),
        ([b"Content-Length: 5, 5"], [b"Content-Length: 5"]),
        ([b"Content-Length: 5", b"Transfer-Encoding: chunked"], [b"Transfer-Encoding: chunked"]),
        ([b"A : 1", b": 2", b"B C: 3", b"\xc3\xa9: 4"], [b"A: 1"]),
        ([b"A: 1", b" and more", b"\tB"], [b"A: 1", b" and more", b"\tB"]),
        ([b"Content-Length: 5", b"Content-Length: 6"], [b"Content-Length: 5", b"Content-Length: 6"]),
        (
            [b"X: a:b:c", b"Set-Cookie: a=1", b"Set-Cookie: b=2"],
            [b"X: a:b:c", b"Set-Cookie: a=1", b"Set-Cookie: b=2"],
        ),
    ],
)
def test_a_head_is_cleaned(headers: list[bytes], clean: list[bytes]) -> None:
    """Only what no parser accepts is left out; two different lengths stay."""
    assert clean_head(b"\r\n".join([STATUS, *headers])) == b"\r\n".join([STATUS, *clean])


def test_what_is_no_head_stays_as_it_is() -> None:
    """Another protocol is an error of the parser."""
    assert clean_head(b"SSH-2.0-OpenSSH\r\nno colon") == b"SSH-2.0-OpenSSH\r\nno colon"


def test_a_response_in_pieces_is_passed_on_whole() -> None:
    """The head waits until it is complete; the body and the rest of a broken head come as they are."""
    buffer = HeadBuffer()
    buffer.expect()
    whole = STATUS + b"\r\nA: 1\r\n\r\nbody: \r\n\r\nmore"

    passed = [buffer.feed(whole[at : at + 1]) for at in range(len(whole))]
    buffer.expect()
    waiting = buffer.feed(STATUS)

    assert b"".join(passed) == whole
    assert (waiting, buffer.rest(), buffer.rest(), buffer.feed(b"x")) == (b"", STATUS, b"", b"x")
    buffer.expect()
    assert len(buffer.feed(b"x" * (MAX_HEAD_BYTES + 1))) == MAX_HEAD_BYTES + 1


@pytest.mark.parametrize("kind", [AiohttpRoute, HttpxRoute])
def test_a_header_that_browsers_tolerate_hides_no_site(kind: type[Route]) -> None:
    """A line without a colon and two equal lengths are read; two different lengths are named."""

    async def ask(*headers: bytes) -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\r\n".join([STATUS, b"Content-Type: text/html", *headers, b"", b"hello"]))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return (await fetch(kind, f"http://127.0.0.1:{port}/")).body

    assert asyncio.run(ask(b"a line", b"Content-Length: 5", b"Content-Length: 5")) == b"hello"
    with pytest.raises(MalformedResponse, match="content-length"):
        asyncio.run(ask(b"Content-Length: 5", b"Content-Length: 6"))
