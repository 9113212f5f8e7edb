"""Texts made to be slow to read cost no more than any other text of their size."""

from __future__ import annotations

import time

import pytest

from tests.matching.inputs.reading import one

SIZE = 1_500_000
SECONDS = 6.0  # of CPU; a pattern that backtracks needs minutes


def _filled(start: bytes, part: bytes) -> bytes:
    return start + part * (SIZE // len(part))


SLOW = {
    "line ends": _filled(b"", b"\n"),
    "spaces": _filled(b"INSERT INTO a VALUES (1);\nINSERT INTO a", b" "),
    "statements without rows": _filled(b"", b"INSERT INTO a (b) VALUES\n"),
    "one row each, another table each": b"".join(b"INSERT INTO a%d VALUES (1);\n" % n for n in range(40_000)),
    "two tables in turn": _filled(b"", b"INSERT INTO a VALUES (1,'x');\nINSERT INTO b VALUES (2,'y');\n"),
    "a string that never ends": _filled(b"INSERT INTO a VALUES (1,'", b"x),("),
    "tables that are never whole": _filled(b"", b"CREATE TABLE a (\n"),
    "tables of empty lines": _filled(b"CREATE TABLE a (\nb int,", b"\n"),
    "parentheses": _filled(b"INSERT INTO a VALUES ", b"("),
    "copy": _filled(b"COPY a FROM stdin;\n", b"\\"),
    "rows that are never whole": _filled(b"<table>", b"<tr "),
    "tags": _filled(b"<tr><td>", b"<"),
    "entities": _filled(b"<tr><td>", b"&#"),
    "arrays": _filled(b'{"a":1}', b"["),
    "keys": _filled(b"", b'{"a":'),
    "a JSON string that never ends": _filled(b'[{"a":"', b"\\"),
    "quotes": _filled(b"a,b,c\n", b'"'),
    "quotes at cells": _filled(b"a,b,c\n", b',"\n'),
    "quotes that close inside of cells": _filled(b"a,b,c\n", b',"a"a\n'),
    "escaped quotes": _filled(b'a,"b\\"",c\n', b'"\\"'),
    "delimiters": _filled(b"a,b\n1,2\n3,4\n", b","),
    "dashes": _filled(b"a----b\na----b\na----b\n", b"-"),
    "keys and values": _filled(b"a: b\nc: d\n", b"k: v\n"),
    "colons": _filled(b"", b":"),
    "addresses": _filled(b"", b"a@"),
    "carriage returns": _filled(b"a\rb", b"\r"),
    "half characters": _filled("一二三".encode("gbk"), b"\x81\n"),
    "wide line ends": _filled(b"\xff\xfe", "\u0a0a".encode("utf-16-le")),
    "null bytes": _filled(b"", b"\0"),
    "words beyond ASCII at the end": b"a" * SIZE + "客户姓名".encode("gbk"),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.slow
def test_no_text_is_slow_to_look_at(name: str) -> None:
    """The text is read to its end in time, and so is the column of a hit found."""
    began = time.process_time()

    found = one(SLOW[name])
    for block in found.blocks[:2]:
        line, _, _ = block.text.partition(b"\n")
        block.shape.where(line, len(line) // 2)

    assert found.ending.outcome == ("unsupported" if name == "null bytes" else "whole")
    assert time.process_time() - began < SECONDS
