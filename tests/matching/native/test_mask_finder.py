"""The library masks what the specification in Python masks, byte for byte."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.masks import mask_text, mask_url
from matching.native.library import LibraryMissing
from matching.native.mask_finder import ALL_KINDS, places_to_mask
from tests.matching.customers import customer
from tests.matching.test_masks import BAIT, PIECES

pytestmark = pytest.mark.needs("gcc")

ROOT = Path(__file__).parents[3]
NUMBERS = (
    "20240105", "20240105123456", "12:30", "12:34:56,789", "192.168.10.254", "4.19.0.123456", "12345-6789",
    "05.01.2024", "43567.12345678", "491713920001.0", "-rw-r--r-- 1 a a 48213967 2024-01-05", "deadbeef",
    "123e4567-e89b-12d3-a456-426614174000", "ab12cd34ef567890", "138-0013-8000", "139-123-45678",
    "139 1234 5678", "0571 8765 4321", "(0571)87654321", "0049 171 3920001", "1-202-555-0123",
    "5555-555555-55554", "+(49)171/392", "44.05.14-013.59", "123456-7890", "123456+789A", "9999 9999 9999",
    "1_7_1_3_9_2_0_0_0_1_3", "1.2.3.4.5.6.7", "X-1234567-L", "GB33 BUKB 2020 1555 5555 55",
    "4000 0000 0000 0000 006", "411111 11111-11111", "2024/01/15 12", "\u0663", "\u00b2", "\u2167",
    "3920001/3920002", "110101 18990101 001x", "0 1 2 3 4 5 6 7 8 9 0 1",
)  # fmt: skip
WORDS = (
    "telegram", "tg ", "@dark", "@dark.seller", "名@例子.test", "Пётр@почта.рф", "телефон ", "手机：",
    "Phone:", "What\u017fapp ", "【@】", "【艾特】", "[ at ]", "a--b@c.test", "--", "_", "'", "~", "é",
    "\xa0", "\x1c", "\x85", "\ud800", "\U0001f600", "\u1100\u1161", "\u0301", ":secret", "://",
    "***a@b.test:", "<<", "7408122F1204159", "0x" + "ab" * 20, "LTC1",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "\n", "\t", " AT ", " DOT ",
)  # fmt: skip
LONG = st.builds(
    lambda sign, count: sign * count,
    st.sampled_from("ab1-.@ é中<*"),
    st.sampled_from([28, 63, 64, 253, 254, 1023, 1024]),
)
TEXTS = st.lists(
    st.one_of(
        PIECES, st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.sampled_from([" ", "-", ".", ","]), LONG
    ),
    max_size=20,
).map("".join)


def check_alike(text: str) -> str:
    """Check that the text and the URL are masked alike; return the masked text."""
    native = mask_text(text), mask_url(text)
    with patch("matching.masks.places_to_mask", side_effect=LibraryMissing):
        plain = mask_text(text), mask_url(text)
    assert plain == native
    return native[0]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_the_library_masks_what_the_specification_masks(text: str) -> None:
    """In any mixture of identifiers, ordinary numbers, words before them, escapes and other scripts."""
    check_alike(text)


@pytest.mark.parametrize("text", BAIT.values(), ids=BAIT)
def test_hostile_text_is_masked_alike(text: str) -> None:
    """A long line of the same is masked up to its end."""
    check_alike(text[: len(text) // 40] + "17000000000")


ROWS = (
    "{0.name},{0.email},{0.phone},{0.resident_id},Berlin,2024-01-05\n",
    "INSERT INTO t VALUES ({1},'{0.email}','{0.card}','{0.iban}');\n",
    '10.0.{1}.9 - - [05/Jan/2024:12:30:{1}] "GET /r?e={0.email}&p={0.phone} HTTP/1.1" 200 {1}48213967\n',
    "客户 {0.name}，手机：{0.phone}，邮箱：{0.email}（{1} 条记录）\n",
    "Имя: {0.name}, телефон {0.phone}, почта {0.email}, заказ №{1}0048213967\n",
    "Nombre {0.name} · teléfono: {0.phone} · {0.email}:secret{1} · 12.345.678,{1}\n",
    "２０２４年　{0.name}　電話{0.phone}　ｅ－ｍａｉｌ{0.email}\n",
    "id={1}123456789 md5=d41d8cd98f00b204e9800998ecf8427{1} v4.19.{1}.123456 took 43567.1234567{1} ms\n",
)


def test_rows_are_masked_alike_and_masked() -> None:
    """Rows in several languages, and lines of logs, in one text."""
    people = [customer(number) for number in range(40)]
    text = "".join(row.format(one, number % 10) for number, one in enumerate(people) for row in ROWS)

    masked = check_alike(text)

    values = [value for one in people for value in (one.email, one.resident_id, one.card)]
    assert not [value for value in values if value in masked]


@pytest.mark.slow
def test_pages_are_masked_alike() -> None:
    """Pages of the documentation, which have identifiers in every form."""
    for page in sorted(ROOT.glob("docs/**/*.md")):
        check_alike(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "selling fresh database of clients (1,200,000 records), price 350 USD at 12:30, v2.6.32 [new]\n" * 20,
        "出售趣店学生数据，一手，价格 ¥8888，联系【我们】。\n" * 20,
        "Продаю базу клиентов банка, 100 тысяч записей, цена 350.\n" * 20,
        "",
    ],
)
def test_ordinary_text_has_nothing_to_mask(text: str) -> None:
    """The library finds no place, so that nothing else is done."""
    assert places_to_mask(text, ALL_KINDS) == {}
    assert mask_text(text) == text
