"""Charsets and lines: any input becomes blocks of UTF-8 that end at line ends."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from matching.inputs import BLOCK
from matching.inputs.formats.decoding import OVERLAP
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.reading import lines, one

ROWS = customers(60)
TABLE = as_csv(ROWS, end="\n").decode()
TRADITIONAL = "\n".join(f"{n},客戶姓名資料,1700000{n:04},person{n}@mail.example" for n in range(60)) + "\n"
CYRILLIC = "\n".join(f"{n},Имя клиента новое,1700000{n:04},person{n}@mail.example" for n in range(60)) + "\n"
WESTERN = "\n".join(f"{n},Zoë Müller à côté,1700000{n:04},person{n}@mail.example" for n in range(60)) + "\n"


@pytest.mark.parametrize(
    ("text", "charset", "mark"),
    [
        (TABLE, "utf-8", b""), (TABLE, "utf-8", codecs.BOM_UTF8), (TABLE, "utf-16-le", b""),
        (TABLE, "utf-16-le", codecs.BOM_UTF16_LE), (TABLE, "utf-16-be", codecs.BOM_UTF16_BE),
        (TABLE, "utf-32-le", codecs.BOM_UTF32_LE), (TABLE, "gb18030", b""), (TRADITIONAL, "big5hkscs", b""),
        (CYRILLIC, "cp1251", b""), (WESTERN, "cp1252", b""),
    ],
)  # fmt: skip
def test_a_charset_is_found_and_its_text_is_utf_8(text: str, charset: str, mark: bytes) -> None:
    """Text in any charset is decoded, and its byte order mark is left out."""
    found = one(mark + text.encode(charset))

    assert (found.charset, found.ending.broken) == (charset, 0)
    assert found.text.replace(b" ", b"\n") == text.encode().replace(b" ", b"\n")


def test_a_charset_that_begins_late_is_found() -> None:
    """300 kB of ASCII do not decide; the first Chinese name behind them does."""
    ascii_part = "".join(f"{n},person{n}@mail.example,plain words\n" for n in range(9_000))
    late = ascii_part + TABLE

    found = one(late.encode("gb18030"))

    assert len(ascii_part) > 300_000
    assert (found.charset, found.ending.broken) == ("gb18030", 0)
    assert "柏宁沛".encode() in found.text


def test_lists_of_two_charsets_in_one_file_are_both_read() -> None:
    """A later block in another charset is decoded by that charset."""
    first = TABLE * (BLOCK // len(TABLE.encode()) + 1)
    source = first.encode() + first.encode("gb18030") * 2

    found = one(source)

    assert "柏宁沛".encode() in found.blocks[-1].text
    assert found.charset == "gb18030"


def test_bytes_that_are_nothing_are_counted_and_not_lost_with_their_line() -> None:
    """Each byte that cannot be decoded becomes one U+FFFD and is counted."""
    source = TABLE.encode().replace("柏宁沛".encode(), "柏".encode() + b"\xff" + "沛".encode(), 3)

    found = one(source)

    assert (found.charset, found.ending.broken) == ("utf-8", 3)
    assert found.text.count("柏\ufffd沛".encode()) == 3


def test_utf_16_is_cut_at_its_lines_and_at_nothing_that_looks_like_one() -> None:
    """Characters such as U+0A0A, which hold the byte of a line end, do not end lines."""
    row = "\u0a0a\u0d0a\u0a00 person@mail.example 一二三 abcdefg\n"
    source = codecs.BOM_UTF16_LE + (row * 40_000).encode("utf-16-le")

    found = one(source)

    assert len(found.blocks) > 3
    assert {line + b"\n" for block in found.blocks for line, _ in lines(block)} == {row.encode()}
    assert found.blocks[-1].line(len(found.blocks[-1].breaks) - 1) == 40_000


def test_carriage_returns_alone_end_lines_too() -> None:
    """A text whose lines end with carriage returns reads as one with line feeds."""
    found = one(TABLE.replace("\n", "\r").encode())

    assert found.text == one(TABLE.encode()).text


def test_blocks_are_bounded_and_end_at_lines(tmp_path: Path) -> None:
    """A plain file's text stays as it is, in blocks whose places follow one another."""
    source = "".join(f"{n},person{n}@mail.example,词语\n" for n in range(60_000)).encode()
    path = tmp_path / "dump"
    path.write_bytes(source)

    found = one(path)

    assert found.text == source
    assert all(len(block.text) <= BLOCK and block.text.endswith(b"\n") for block in found.blocks)
    assert [block.offset for block in found.blocks[1:]] == [block.end for block in found.blocks[:-1]]


def test_a_line_longer_than_a_block_is_cut_where_no_identifier_goes_on() -> None:
    """Every address of a line of 3 MB is whole in exactly one block."""
    addresses = [f"person{n}@mail.example" for n in range(110_000)]
    start = "x" * 70_000  # a beginning with addresses would decide what ends a record
    source = start.encode() + " and ".join(f"<{address}>" for address in addresses).encode()

    found = one(source)

    assert len(found.blocks) > 3
    assert sum(block.text.count(b"@mail.example>") for block in found.blocks) == len(addresses)
    assert found.text == source
    assert {block.first_line for block in found.blocks} == {1}


def test_a_line_without_any_place_to_cut_overlaps() -> None:
    """A cut address is whole in the next block; the border is in the middle of the repeated bytes."""
    source = b"a" * (BLOCK - 10) + b"person1@mail.example" + b"a" * BLOCK

    found = one(source)

    assert [block.repeats for block in found.blocks][:2] == [0, OVERLAP // 2]
    assert [block.held for block in found.blocks] == [OVERLAP // 2, OVERLAP // 2, 0]
    assert b"person1@mail.example" in found.blocks[1].text
    assert found.text == source


def test_a_cut_halves_no_character() -> None:
    """2 MB of Chinese on one line, without any separator, lose no character."""
    source = "客户姓名资料手机号码".encode() * 70_000

    found = one(source)

    assert (found.ending.broken, found.text) == (0, source)
    assert len(found.blocks) > 3


def test_a_few_characters_decide_nothing_for_good() -> None:
    """One accent in 0.5 MB does not decide for good: names in GBK behind it are decoded."""
    start = "".join(f"{n},person{n}@mail.example,plain words\n" for n in range(20_000)).encode()

    found = one(b"0,caf\xe9,x\n" + start + TABLE.encode("gb18030") * 40)

    assert found.charset == "gb18030"
    assert "柏宁沛".encode() in found.blocks[-1].text


def test_records_of_keys_and_values_are_in_one_block() -> None:
    """A record of several lines at a block's end is whole in the next block."""
    record = "Name: 柏宁沛\nPhone: 17000000001\nE-mail: person1@mail.example\n"
    source = (record * (3 * BLOCK // len(record.encode()))).encode()

    found = one(source)

    assert found.format == "keyvalue"
    assert all(
        block.text.startswith(b"Name") and block.text.endswith(b".example\n") for block in found.blocks
    )
    assert found.text == source
