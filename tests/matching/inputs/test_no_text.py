"""Random bytes and binary records are said to be no text; texts with control characters stay texts."""

from __future__ import annotations

import gzip
import random
import struct

import pytest

from tests.matching.inputs.customers import as_combo, customers
from tests.matching.inputs.reading import one

DUMP = as_combo(customers(50))
RANDOM = random.Random(5)
PEOPLE = [(f"name{number}", f"anna{number}@post.example", f"+49171392{number:04}") for number in range(100)]


def _separated(cell: bytes, row: bytes) -> bytes:
    return b"".join(cell.join(value.encode() for value in person) + row for person in PEOPLE)


def _bson() -> bytes:
    out = b""
    for number, (name, email, _) in enumerate(PEOPLE):
        body = b"\x07_id\0" + RANDOM.randbytes(12) + b"\x10n\0" + struct.pack("<i", number)
        for key, value in ((b"name", name), (b"mail", email)):
            body += b"\x02" + key + b"\0" + struct.pack("<i", len(value) + 1) + value.encode() + b"\0"
        out += struct.pack("<i", len(body) + 5) + body + b"\0"
    return out


@pytest.mark.parametrize("size", [200, 1_000, 12_000, 70_000, 1_200_000])
@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_no_text(size: int, seed: int) -> None:
    """Whatever charset they resemble, the outcome is `unsupported`."""
    found = one(random.Random(seed).randbytes(size))

    assert found.ending.outcome == "unsupported"
    assert f"of its {size} bytes are no text" in found.ending.sentence


@pytest.mark.slow
def test_small_files_of_random_bytes_are_no_text() -> None:
    """Of 400 files of 16 to 150 random bytes, nine in ten are `unsupported`."""
    chance = random.Random(8)

    found = [one(chance.randbytes(16 + number // 3)).ending.outcome for number in range(400)]

    assert found.count("unsupported") >= 360


@pytest.mark.parametrize("size", [1, 20, 3_000, 1_200_000])
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
@pytest.mark.slow
def test_a_file_of_one_byte_repeated_is_no_text(size: int, byte: bytes) -> None:
    """Null bytes alone, as in a file that was never written, are `unsupported`; an empty file is whole."""
    assert one(byte * size).ending.outcome == "unsupported"
    assert one(b"").ending.outcome == "whole"


@pytest.mark.parametrize("size", [4_096, 70_000, 1_200_000])
def test_a_hole_in_a_text_is_said(size: int) -> None:
    """Null bytes in a row, as in a download that did not end, make a text `unsupported`; its rows count."""
    for source in (bytes(size) + DUMP, DUMP + bytes(size), DUMP + bytes(size) + DUMP):
        found = one(source)

        assert found.ending.outcome == "unsupported"
        assert DUMP.split(b"\n")[7] in found.text
    for source in (bytes(400) + b"\n" + DUMP, b"\xff" * size + b"\n" + DUMP):
        assert one(source).ending.outcome == "whole"


@pytest.mark.parametrize("head", [b"{\\rtf1\\ansi\\deff0 ", b"%!PS-Adobe-3.0\n", b"\n{\\rtf1", b"\x04%!PS\n"])
def test_a_text_with_codes_in_its_words_is_no_text(head: bytes) -> None:
    """RTF and PostScript are read, but not whole: codes stand inside of words."""
    found = one(head + DUMP + b"\\par\n}")

    assert found.ending.outcome == "unsupported"
    assert DUMP.split(b"\n")[7] in found.text
    assert one(b"about " + head + DUMP).ending.outcome == "whole"


SMALL_TEXTS = [
    ("Größe", "latin-1"), ("Größe und Länge", "cp1252"), ("утечка базы", "cp1251"), ("база", "koi8-r"),
    ("订单 55740da7", "gbk"), ("客户资料泄露", "gbk"), ("客戶資料", "big5"), ("顧客名簿", "cp932"),
    ("고객 명단", "cp949"), ("żółć gęślą jaźń", "cp1250"), ("müşteri", "cp1254"), ("naïve café", "cp1252"),
    ("\x01客户\x02ab\x0112", "gbk"), ("привет, база", "cp866"), ("שלום עולם", "cp1255"),
    ("مرحبا بالعالم", "cp1256"), ("Αθήνα και", "cp1253"), ("สวัสดีครับ", "cp874"), ("名簿", "iso2022_jp"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "charset"), SMALL_TEXTS)
def test_a_few_words_in_any_charset_are_text(text: str, charset: str) -> None:
    """A small file with words is whole, even if its charset cannot be told."""
    assert one(text.encode(charset)).ending.outcome == "whole"
    assert one((text + "\n").encode(charset) * 3).ending.outcome == "whole"


def test_what_stands_in_bytes_that_are_no_text_is_still_read() -> None:
    """Records of BSON are read as text as far as they are, and the outcome says that more is in them."""
    found = one(_bson())

    assert found.ending.outcome == "unsupported"
    assert all(email.encode() in found.text for _, email, _ in PEOPLE)


def test_a_binary_part_behind_text_is_said() -> None:
    """A text that goes on as random bytes is read, and is not whole."""
    found = one(DUMP * 40 + RANDOM.randbytes(200_000))

    assert found.ending.outcome == "unsupported"
    assert found.text.startswith(DUMP * 40)


def test_the_part_before_a_continuation_counts() -> None:
    """Reading that continues behind the binary part still says that it is no text."""
    source = RANDOM.randbytes(1_100_000) + b"\n" + DUMP * 1_000
    block = next(block for block in one(source).blocks if block.end > 1_200_000)

    found = one(source, after=block.end)

    assert found.ending.outcome == "unsupported"


CHINESE = "客户资料 姓名 王小明 电话 城市 北京 上海 广州 订单 泄露 数据库\n" * 60
JAPANESE = "顧客 名簿 東京 電話番号 メールアドレス カタカナ ひらがな\n" * 60
TEXTS = {
    "hive": _separated(b"\x01", b"\n"),
    "hive, nested": b"".join(b"a\x01b\x02c\x03d\x01" + DUMP[:30].split(b"\n")[0] + b"\n" for _ in range(50)),
    "null bytes between": _separated(b"\0", b"\0"),
    "null bytes behind": b"".join(email.encode().ljust(64, b"\0") for _, email, _ in PEOPLE),
    "null bytes before": bytes(4_000) + DUMP,
    "MARC": _separated(b"\x1f", b"\x1e\x1d"),
    "FIX": b"".join(b"8=FIX.4.4\x0135=D\x0149=BANK\x0156=X\x0110=%03d\x01\n" % n for n in range(100)),
    "colours": b"".join(
        b"\x1b[32m%s\x1b[0m \x1b[1m%s\x1b[0m\n" % (a.encode(), b.encode()) for a, b, _ in PEOPLE
    ),
    "manual page": b"".join(b"%c\x08%c" % (letter, letter) for letter in b"NAME OF THE PAGE\n" * 20),
    "terminal": b"$ ls\x07\r\n\x1b[0m\x0f\x08\x08a.txt\r\n" * 40,
    "log with some binary bytes": b"GET /index.html 200\n" * 50 + bytes(range(32)) + b"\nGET / 404\n" * 50,
    "short log with a cookie": b"cookie: \x00\x01\x02\x07\x9c\n" + b"user logs in from the office\n" * 5,
    "UTF-16 without a mark": CHINESE.encode("utf-16-le"),
    "UTF-16, big": ("name,mail\n" + "a,b@post.example\n" * 50).encode("utf-16-be"),
    "UTF-16 with a mark and pictures": ("\ufeff" + "ok 😀😀🎉\n" * 50).encode("utf-16-le"),
    "UTF-32": ("\ufeff" + CHINESE).encode("utf-32-le"),
    "GBK": CHINESE.encode("gbk"),
    "Big5": "客戶資料 姓名 電話 城市 台北\n".encode("big5") * 60,
    "Shift-JIS": JAPANESE.encode("cp932"),
    "EUC": JAPANESE.encode("euc-jp"),
    "ISO-2022-JP": JAPANESE.encode("iso2022_jp"),
    "ISO-2022-KR": ("고객 명단 서울 전화번호\n" * 40).encode("iso2022_kr"),
    "windows-1251": ("Утечка базы клиентов банка, телефоны и адреса\n" * 40).encode("cp1251"),
    "KOI8-R": ("Утечка базы клиентов банка, телефоны и адреса\n" * 40).encode("koi8-r"),
    "cp866": ("Утечка базы клиентов банка, телефоны и адреса\n" * 40).encode("cp866"),
    "windows-1254": ("müşteri bilgileri, şifre ve telefon\n" * 40).encode("cp1254"),
    "SQL with binary cells": b"INSERT INTO users VALUES\n"
    + b",\n".join(
        b"(%d,'%s','%s')"
        % (
            number,
            email.encode(),
            bytes(byte for byte in RANDOM.randbytes(32) if byte not in b"\0\n\r\x1a\\'"),
        )
        for number, (_, email, _) in enumerate(PEOPLE)
    )
    + b";\n",
    "short": b"\x01\x02\x03\x04\x05\x06\n",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_with_control_characters_is_text(kind: str) -> None:
    """A few kinds of control characters, or few of many kinds, leave a text whole."""
    assert one(TEXTS[kind]).ending.outcome == "whole"


def test_a_packed_text_is_judged_unpacked() -> None:
    """Packed bytes look random; what is in them decides."""
    assert one(gzip.compress(DUMP)).ending.outcome == "whole"
    assert one(gzip.compress(RANDOM.randbytes(5_000))).ending.outcome == "unsupported"
