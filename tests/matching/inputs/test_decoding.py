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


ASCII_TABLE = "".join(f"{n},person{n}@mail.example,+49171392{n:05}\n" for n in range(12))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("wide", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("narrow", [ASCII_TABLE, TABLE, ASCII_TABLE * 2_000])
@pytest.mark.parametrize(
    "appended",
    [ASCII_TABLE, TABLE, "一二三,x@mail.example\n" * 40_000, "错误：连接失败\n警告\n" + ASCII_TABLE],
)
def test_utf_16_behind_utf_8_is_read(narrow: str, appended: str, wide: str, mark: str) -> None:
    """A console's >> has appended UTF-16 to a file in UTF-8, with or without a mark."""
    found = one(narrow.encode() + (mark + appended).encode(wide))

    assert flat(found.text) == flat((narrow + appended).encode())
    assert found.ending.broken == 0


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("wide", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("beginning", [ASCII_TABLE, TABLE, "一二三,x@mail.example\n" * 40_000])
def test_utf_8_behind_utf_16_is_read(beginning: str, wide: str, mark: str) -> None:
    """Somebody has appended to a file in UTF-16 what is UTF-8, and then UTF-16 again."""
    source = (mark + beginning).encode(wide) + TABLE.encode() + ("\ufeff" + ASCII_TABLE).encode(wide)

    found = one(source)

    assert flat(found.text) == flat((beginning + TABLE + ASCII_TABLE).encode())
    assert found.ending.broken == 0


def test_a_part_in_utf_16_is_read_when_reading_goes_on_in_it() -> None:
    """The charset at a block's end is known again, and the line's number with it."""
    source = (ASCII_TABLE * 400).encode() + ("\ufeff" + ASCII_TABLE * 4_000).encode("utf-16-le")
    whole = one(source)

    rest = one(source, after=whole.blocks[-2].end)

    assert rest.blocks[0].text == whole.blocks[-1].text
    assert rest.blocks[0].line(0) == whole.blocks[-1].line(0)


@pytest.mark.parametrize(
    "text",
    [
        "名称,电话\n" + "一二三四五六七八九十数据库客户名单\n" * 900,
        "ひらがなとカタカナの名簿、連絡はこちら\n" * 900,
        "고객 데이터베이스를 판매합니다\n" * 900,
        "上上上上上上一一一\n" * 900,
        "│ ① ② — “x” │ ─────────\n" * 900,
    ],
)
@pytest.mark.parametrize("wide", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_ascii_is_no_change(text: str, wide: str) -> None:
    """The bytes of Chinese, Japanese and Korean in UTF-16 are often those of ASCII."""
    found = one(("\ufeff" + text).encode(wide))

    assert flat(found.text) == flat(text.encode())


def test_null_bytes_in_a_text_are_no_change() -> None:
    """A damaged part of a file, or fields that end with a null byte, are not UTF-16."""
    source = (TABLE + "a\0b\0" + "\0" * 500 + "\n" + "x\0\0\0y\0\0\0\n").encode() + ASCII_TABLE.encode()

    assert one(source).text.endswith(ASCII_TABLE.encode())


def flat(text: bytes) -> bytes:
    """The text with all blanks as line ends: a line end inside of a quoted cell is read as a blank."""
    return text.replace(b" ", b"\n")


def test_a_mark_of_utf_16_without_text_behind_it_ends_nothing() -> None:
    """What follows a mark in a table is read on at once, not after looking for an open record in vain."""
    rows = b"".join(b"%d\tname %d\tp%d@mail.example\n" % (number, number, number) for number in range(40))
    # A null byte makes the mark look like one of UTF-16; what follows is not.
    data = b"id\tname\temail\n" + rows + b"\xff\xfe" + rows[:41] + b"\0" + rows[41:]

    read = one(data)

    assert (read.format, read.ending.outcome) == ("tsv", "whole")
    assert b"".join(block.text for block in read.blocks).count(b"p39@mail.example\n") == 2


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
