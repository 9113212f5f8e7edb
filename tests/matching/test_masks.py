"""Masking: no identifier of a person remains, and everything else stays readable."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.identifiers import SCANNED, Field, scan
from matching.masks import mask_text, mask_url
from tests.escapes import DISGUISES, ESCAPES, Escape
from tests.matching.customers import customer
from text.escapes import undo


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("john.doe@mail.example", "j***e@mail.example"),
        ("Tom@mail.example", "T***@mail.example"),
        ("邮箱：john@mail.example，", "邮箱：j***n@mail.example，"),
        ("john@163.example, john[at]1-2.example", "j***n@163.example, j***n[at]1-2.example"),
        ("telegram @darkseller, tg @dark.seller", "telegram @darkseller, tg @dark.seller"),
        ("john @mail.example, john @ mail.example", "j***n @mail.example, j***n @ mail.example"),
        ("john@mail.example:secret", "j***n@mail.example:***"),
        ("john[at]mail[.]example", "j***n[at]mail[.]example"),
        ("john (at) mail (dot) example", "j***n (at) mail (dot) example"),
        ("john at mail dot example", "j***n at mail dot example"),
        ("john&#64;mail.example", "j***n&#64;mail.example"),
        ("ｊｏｈｎ＠ｍａｉｌ．ｅｘａｍｐｌｅ", "j***n＠ｍａｉｌ．ｅｘａｍｐｌｅ"),
        ("用户名@例子.test", "用***@例子.test"),
        ("17000000000", "170****0000"),
        ("170-0000-0000", "170-****-0000"),
        ("１７０００００００００", "170****0000"),
        ("170\u200b00000000", "170****0000"),
        ("\u200b\u1100\u1161\u11a817000000000", "\u200b\u1100\u1161\u11a8170****0000"),
        ("**17000000000**", "**170****0000**"),
        ("tel:17000000000,", "tel:170****0000,"),
        ("19900000000", "199****0000"),
        ("+44 20 7946 0123", "+44 20 **** *123"),
        ("(202) 555-0123", "(202) ***-**23"),
        ("2025550123", "202*****23"),
        ("0571-87654321", "057*-******21"),
        ("电话：62345678", "电话：62****78"),
        ("110101189901010010", "110101********0010"),
        ("11010118990101001x", "110101********001x"),
        ("110101 18990101 0010", "110101 ******** 0010"),
        ("119999700101001", "119999*****1001"),
        ("4111 1111 1111 1111", "4111 11** **** 1111"),
        ("4111111111111112", "411*********1112"),
        ("6200 0000 0000 0000 000", "6200 00** **** ***0 000"),
        ("GB33 BUKB 2020 1555 5555 55", "GB33 **** **** **** **55 55"),
        ("gb33bukb20201555555555", "gb33**************5555"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "1BvB**************************NVN2"),
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "BC1Q**********************************F3T4",
        ),
        (
            "钱包0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "钱包0x5a**********************************eAed",
        ),
        (
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5a**********************************eaed",
        ),
        (
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
            "P<UTO********<<****<*****<<<<<<<<<<<<<<<<<<<\nL898*********************************<<<<<**",
        ),
        (
            "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            "I<UTO**********<<<<<<<<<<<<<<<\n7408**************<<<<<<<<<<<*\nERIK****<<****<*****<<<<<<<<<<",
        ),
        ("E123456784CHN8001019M2501012NCLPOMMANBLPA904", "E123****************************************"),
        ("DNI 12345678Z, X-1234567-L", "DNI 123****8Z, X-12****7-L"),
        ("第 309012345620 号", "第 309*****5620 号"),
        ("17000000000@mail.example", "1***0@mail.example"),
        ("李----17000000000----j.d@mail.example----pw", "李----170****0000----j***@mail.example----pw"),
        ("x?e=john%40mail.example&p=%2B8617000000000", "x?e=j***n%40mail.example&p=+8617******000"),
        ("%31%37%30%30%30%30%30%30%30%30%30", "170****0000"),
        ("john%2540mail.example", "j***n%2540mail.example"),
    ],
)
def test_what_leads_to_a_person_is_masked(text: str, masked: str) -> None:
    """Identifiers are masked in every way they are written, also with a wrong check digit."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "1,200,000 records, 100万条, 120w, 3.5M",
        "price 12000.50 USD, ¥8888, 0.00123456 BTC",
        "2024-01-15 13:45:10, 15.01.2024, 01/15/2024, 2024年1月15日",
        "20240115 and 20240115134500 and 202401151345",
        "https://market.example/thread/123456789?page=12#post-987654321",
        "thread 481516234 since 1700000000",
        "the years 2019 2020 2021 2022",
        "192.168.100.200 and 10.0.0.1:8080, v10.0.19041",
        "qudian.com, mail.qudian.com and qudian[.]com",
        "look at qudian.com, meet at 5 dot matrix",
        "@handle on t.example",
        "12 345 678 901 rows",
        "md5 d41d8cd98f00b204e9800998ecf8427e",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 has a wrong checksum",
        "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<< OK >>>>>>>>>>>>>>>>>>>>>>",
        "THISISONEVERYLONGWORDINCAPITALS12345",
        "出售趣店学生数据",
    ],
)
def test_what_is_nobodys_stays_readable(text: str) -> None:
    """Counts, prices, dates, IP addresses, thread numbers, hashes and companies' domains are not masked."""
    assert mask_text(text) == text


PIECES = st.one_of(
    st.sampled_from(
        [
            "170",
            "0000",
            "0123",
            "17000000000",
            "+86",
            "86",
            "0",
            "110101",
            "18990101",
            "0010",
            "X",
            "@",
            "mail.example",
            "john",
            "-",
            ".",
            "(",
            ")",
            "/",
            "*",
            "***",
            "****",
            "[at]",
            "[.]",
            "%40",
            "%2B",
            "%",
            "%31",
            "DE89",
            "3704",
            "0044",
            "GB",
            "4111",
            "1111",
            "2024",
            "01",
            "15",
            "tel:",
            "电话",
            "，",
            "１",
            "３",
            "中",
            "&#64;",
            "&",
            "--",
            "555",
            "415",
            "1234",
            "¼",
            ":",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            "I<UTOD231458907<<<<<<<<<<<<<<<",
            "7408122F1204159UTO<<<<<<<<<<<6",
            "<<",
            "12345678Z",
            "119999700101001",
            "\\u0040",
            "\\x40",
            "\\n",
            "\\\\",
            "u0031",
            "&#x31;",
            "&commat;",
            "&amp;",
            "=40",
            "=\n",
            "=3D",
            "\x1b[32m",
            "7\ufe0f\u20e3",
            "0x616e6e61406d61696c2e6578616d706c65",
            "%25",
            "(dot)",
        ]
    ),
    st.sampled_from([" ", " dot ", " at ", "\n", "\u200b"]),
    st.text(max_size=3),
    st.text("0123456789 -.", max_size=12),
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_masking_again_changes_nothing(text: str) -> None:
    """Masking a masked text or a masked URL leaves it as it is."""
    assert [mask_text(mask_text(text)), mask_url(mask_url(text))] == [mask_text(text), mask_url(text)]


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_no_recognised_identifier_survives(text: str) -> None:
    """The scanner finds none of the identifiers of a text in the masked text, in whatever escape.

    Telephone numbers and licences of digits alone are left out: they are masked by shape, and a date that
    stays readable may be one by chance.
    """
    assert _recognised(text).isdisjoint(_recognised(mask_text(text)))


def _recognised(text: str) -> set[tuple[Field, str]]:
    undone = undo(text, addresses=True)
    return {
        (one.field, one.canonical)
        for view in (text, undone.text if undone else "")
        for one in scan(view, "CN", SCANNED - {Field.PHONE})
        if one.field is not Field.DRIVING_LICENCE or not one.canonical.isdigit()
    }


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 10_000), st.sampled_from([",", ";", "\t", "|", "----", " ", "\n"]), st.booleans())
def test_no_value_of_a_customer_survives_in_a_row(number: int, delimiter: str, wide: bool) -> None:
    """No value remains, whatever separates them, in narrow and in full-width digits."""
    one = customer(number)
    text = delimiter.join(one[1:])
    if wide:
        text = text.translate({code: code - 0x30 + 0xFF10 for code in range(0x30, 0x3A)})

    masked = mask_text(text)

    digits = re.sub(r"\D", "", one.phone)[-8:]
    assert one.email.partition("@")[0] not in masked
    assert not any(value in masked for value in (digits, one.resident_id, one.card, one.iban))


PLACES = (
    "{}",
    "1,{},Berlin",
    "INSERT INTO t VALUES (1,'{}','x');",
    '{{"raw": "{{\\"m\\": \\"{}\\"}}"}}',
    '10.0.0.9 - - "GET /r?e={}&x=1 HTTP/1.1" 200',
    "趣店 {} 数据",
    "https://market.example/?q={}",
)


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_no_value_of_a_customer_survives_in_an_escape(escape: Escape) -> None:
    """Addresses and numbers are masked in every escape and in every place, and stay masked."""
    one = customer(7)
    for place in PLACES:
        for value in one[1:]:
            _check_nothing_is_left(place.format(escape(value)), value)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_no_address_survives_in_a_disguise(disguise: Escape) -> None:
    """An address that no program is to recognise is masked."""
    for place in PLACES:
        _check_nothing_is_left(place.format(disguise(customer(7).email)), customer(7).email)


def _check_nothing_is_left(text: str, value: str) -> None:
    for mask in (mask_text, mask_url):
        masked = mask(text)
        undone = undo(masked, addresses=True)
        shown = masked + (undone.text if undone else "")
        known = value.partition("@")[0] if "@" in value else re.sub(r"\D", "", value)[-8:]
        if mask is mask_text or "@" in value:
            assert known not in (shown if "@" in value else re.sub(r"[^\dX*]", "", shown)), (text, masked)
        assert mask(masked) == masked


def test_a_mask_ends_where_the_identifier_ends() -> None:
    """The text around an identifier stays, so that a search still finds the listing by it."""
    assert mask_text("趣店 17000000000 数据") == "趣店 170****0000 数据"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://forum.example/t/123456789012345", "https://forum.example/t/123456789012345"),
        ("https://forum.example/t?u=john%40mail.example", "https://forum.example/t?u=j***n%40mail.example"),
        ("https://forum.example/17000000000", "https://forum.example/170****0000"),
        ("https://forum.example/4111111111111111", "https://forum.example/411111******1111"),
        ("https://forum.example/t/309012345620", "https://forum.example/t/309012345620"),
        (
            "https://forum.example/a/1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "https://forum.example/a/1BvB**************************NVN2",
        ),
        ("https://forum.example/2024/01/15/leak", "https://forum.example/2024/01/15/leak"),
        ("https://user:secret@forum.example/", "https://user:s***t@forum.example/"),
    ],
)
def test_a_url_keeps_its_ids(url: str, masked: str) -> None:
    """Long numbers that are no identifier stay, because a page is fetched by them; identifiers are masked."""
    assert mask_url(url) == masked


BAIT = {
    "ats": "@" * 100_000,
    "local parts": "a." * 50_000 + "@",
    "percents": "%4" * 50_000,
    "escaped": "%2540" * 20_000,
    "digits": "1" * 100_000,
    "groups": "1 " * 50_000,
    "stars": "1*" * 50_000,
    "national": "0571-" * 20_000,
    "mobiles": "170-0000-0000 " * 5_000,
    "at and dot": " at a dot " * 10_000,
    "brackets": "[at" * 30_000,
    "ibans": "GB33BUKB20201555555555 " * 3_000,
    "fillers": "<" * 100_000,
    "zones": "7408122F1204159UTO<<<<<<<<<<<6 " * 3_000,
    "capitals": "ABCDEFGHIJKLMNOPQRSTUVWXYZ " * 4_000,
    "almost wallets": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 " * 3_000,
    "hex": "0x" * 50_000,
}


@pytest.mark.parametrize("text", BAIT.values(), ids=BAIT)
def test_bait_is_masked_in_linear_time(text: str) -> None:
    """Four times the text takes less than nine times as long; quadratic time would be sixteen times."""
    quarter = text[: len(text) // 4]

    def seconds(bait: str) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            mask_text(bait)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(text) < 9 * seconds(quarter) + 0.1
