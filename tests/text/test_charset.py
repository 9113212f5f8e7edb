"""Detecting the charset of a page: undeclared, wrongly declared, short, broken."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.charset import (
    CLEAR_MARGIN,
    SAMPLE_BYTES,
    _best_candidate,
    _candidates,
    codec_of,
    decode_page,
)

TEXTS = {
    "chinese": (
        "出售趣店学生数据一百万条，包含姓名、身份证号码、手机号和家庭住址，价格五百美元，支持担保交易。本"
        "站最新泄露的客户名单已经上传，样本请联系卖家。某银行贷款用户资料，格式为文本文件，每行一条记录。"
        "我们不提供退款服务，请先看样本再付款。今天天气很好，大家去公园散步。关于数据库的结构说明：表一是"
        "用户表，表二是订单表，表三是地址表。管理员发布公告，论坛将于本周末进行维护升级。"
    ),
    "traditional": (
        "出售學生資料一百萬條，包含姓名、身分證號碼、手機號碼和家庭住址，價格五百美元，支援擔保交易。本站"
        "最新洩露的客戶名單已經上傳，樣本請聯絡賣家。某銀行貸款用戶資料，每行一條記錄。今天天氣很好，大家"
        "去公園散步。管理員發布公告，論壇將於本週末進行維護升級。"
    ),
    "russian": (
        "Продам базу данных клиентов микрофинансовой организации. Более миллиона записей: имя, телефон, п"
        "аспорт, адрес. Свежий слив, март. Цена договорная, гарант приветствуется. Сегодня хорошая погода"
        ", и все пошли гулять в парк."
    ),
    "japanese": (
        "顧客データベースを販売します。氏名、住所、電話番号、メールアドレスが含まれています。価格は相談に"
        "応じます。今日は天気が良いので、みんなで公園に散歩に行きました。管理者からのお知らせ：週末にメン"
        "テナンスを行います。"
    ),
    "korean": (
        "고객 데이터베이스를 판매합니다. 이름, 주소, 전화번호, 이메일이 포함되어 있습니다. 가격은 협의 가"
        "능합니다. 오늘은 날씨가 좋아서 모두 공원에 산책하러 갔습니다. 관리자 공지: 주말에 점검이 있습니"
        "다."
    ),
    "german": (
        "Verkaufe Kundendaten einer großen Bank: Namen, Adressen, Geburtstage und Telefonnummern für 500 "
        "€. Schöne Grüße aus München, die Übergabe erfolgt über einen Treuhänder. Größe der Datei: zwölf "
        "Gigabyte."
    ),
    "french": (
        "Base de données clients à vendre : noms, prénoms, numéros de téléphone et adresses. Échantillon "
        "envoyé sur demande, prix très intéressant. L'été dernier, la société a été piratée."
    ),
    "polish": (
        "Sprzedam bazę danych klientów dużego banku: imiona, nazwiska, numery telefonów, adresy. Próbka n"
        "a życzenie, cena do uzgodnienia. Żółta łódź płynie przez jezioro, a ja piszę książkę."
    ),
}
CHARSETS = [
    ("chinese", "gbk"),
    ("chinese", "utf-8"),
    ("traditional", "big5"),
    ("russian", "cp1251"),
    ("russian", "koi8-r"),
    ("russian", "utf-8"),
    ("japanese", "shift_jis"),
    ("japanese", "euc_jp"),
    ("korean", "euc_kr"),
    ("german", "cp1252"),
    ("german", "utf-8"),
    ("french", "cp1252"),
]
DECLARED = (None, "utf-8", "gb2312", "iso-8859-1", "no-such-charset")
PIECES = 40


def pieces(text: str, length: int) -> Iterator[str]:
    """Yield PIECES pieces of a text, the same ones each time."""
    chosen = random.Random(length)
    for _ in range(PIECES):
        start = chosen.randrange(len(text) - length)
        yield text[start : start + length]


def accuracy(text: str, charset: str, length: int, declared: str | None) -> float:
    return (
        sum(
            decode_page(piece.encode(charset), declared=declared).text == piece
            for piece in pieces(text, length)
        )
        / PIECES
    )


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize(("language", "charset"), CHARSETS)
def test_a_sentence_is_read_whatever_is_declared(language: str, charset: str, declared: str | None) -> None:
    """Forty pieces of 40 characters are decoded without a mistake, whatever the page declares."""
    assert accuracy(TEXTS[language], charset, 40, declared) == 1


@pytest.mark.parametrize(
    ("language", "charset", "least"),
    [
        ("chinese", "gbk", 1.0),
        ("traditional", "big5", 1.0),
        ("russian", "cp1251", 0.95),
        ("russian", "koi8-r", 0.95),
    ],
)
def test_a_few_characters_are_enough(language: str, charset: str, least: float) -> None:
    """A title of eight characters is decoded without a declaration."""
    assert accuracy(TEXTS[language], charset, 8, None) >= least


@pytest.mark.parametrize("language", ["chinese", "russian", "german"])
@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "utf-32"])
def test_wide_charsets_are_read_with_and_without_a_mark(language: str, charset: str) -> None:
    """A byte order mark decides; without one, null bytes and the score decide."""
    assert decode_page(TEXTS[language].encode(charset)).text == TEXTS[language]


@pytest.mark.parametrize(
    ("language", "charset"), [("chinese", "gbk"), ("russian", "cp1251"), ("chinese", "utf-8")]
)
def test_a_page_s_own_declaration_may_lie(language: str, charset: str) -> None:
    """Neither ASCII markup around a text nor a meta tag with another charset hides the real charset."""
    page = (
        f'<html><head><meta charset="latin1"><title>x</title></head><p>{TEXTS[language]}</p></html>'
        + "<br>" * 9_000
    )

    assert decode_page(page.encode(charset)).text == page


def test_a_right_declaration_decides_between_near_readings() -> None:
    """Polish in windows-1250 differs from windows-1252 in few letters; a right declaration decides."""
    assert accuracy(TEXTS["polish"], "cp1250", 60, "windows-1250") == 1


def test_a_broken_tail_and_a_damaged_byte_change_nothing() -> None:
    """UTF-8 cut inside a character, or with a damaged byte, stays UTF-8; GBK cut in the middle stays GBK."""
    whole = TEXTS["chinese"]
    cut, damaged = whole.encode()[:-1], whole.encode().replace("名".encode(), b"\xe5\xff\x8d", 1)

    assert decode_page(cut).text == whole[:-1] + "\ufffd"
    assert decode_page(damaged).charset == "utf-8"
    assert decode_page(whole.encode("gbk")[:-1]).text == whole[:-1] + "\ufffd"


def test_null_bytes_in_a_text_make_no_utf_16_of_it() -> None:
    """A GBK text with some null bytes is still read as GBK."""
    body = TEXTS["chinese"].encode("gbk").replace(b"\xa3\xac", b"\x00\xa3\xac")

    assert decode_page(body).text.replace("\0", "") == TEXTS["chinese"]


def test_a_guess_is_not_called_confident() -> None:
    """Two characters beyond ASCII prove nothing, and the result says so."""
    assert not decode_page("prix très bas".encode("cp1252")).confident
    assert decode_page(TEXTS["chinese"].encode("gbk")).confident


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        (' "UTF-8" ', "utf-8"),
        ("latin1", "cp1252"),
        ("base64", None),
        ("utf-7", None),
        ("undefined", None),
        ("unicode_escape", None),
        ("../../etc", None),
        ("x" * 1_000_000, None),
        ("a\0b", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_declaration_means(declared: str | None, codec: str | None) -> None:
    """Names mean what they mean in browsers; codecs that are not charsets mean nothing."""
    assert codec_of(declared) == codec


def test_a_large_body_is_decided_by_a_sample() -> None:
    """The whole body is decoded, though a sample of it decides."""
    body = (TEXTS["chinese"] * (20 * SAMPLE_BYTES // 400)).encode("gbk")

    assert len(decode_page(body).text.encode("gbk")) == len(body)


def test_a_long_line_costs_no_more_than_many_short_ones() -> None:
    """On a page of one line, each byte is read once, wherever the first one beyond ASCII is."""
    body = b"a" * 3_000_000 + TEXTS["chinese"].encode("gbk")

    assert decode_page(body).charset == "gb18030"


@pytest.mark.parametrize(
    "text",
    [
        "venta ÁLORA ÁNIMA base completa\n",
        "ŞİMDERE BANKASI full dump, fresh\n",
        "leak of SÔNG Á BANK today\n",
        "cảm ơn, selling rời data\n",
        "one café\n",
        "Selling fresh Kelbr\u0456dge database, 2 GB\n",
        "K\u0435lbr\u0456dg\u0435 and \u03bfmega\n",
        "anyone has the Kel\u200bbridge dump?\n",
        "the Kel\u00adbridge dump\n",
        "card 4111\u00a01170\u00a07492\u00a04119 exp 09/27\n",
        "10\u202f000 rows\n",
        "price 5 €\n",
        "cafe\u0301 db\n",
        "id,name\n1,не\n2,x\n",
        "id,name\n1,\u03b1λφα\n2,x\n",
        "id,name\n1,שלום\n2,x\n",
        "id,name\n1,سلام\n2,x\n",
        "id,name\n1,张\n2,x\n",
        "© 2026 Kelbridge · all rights\n",
        "naïve ½ ± 20 °C\n",
    ],
)
@pytest.mark.parametrize("declared", [None, "gbk", "iso-8859-1", "windows-1251"])
def test_a_few_characters_of_utf_8_are_utf_8(text: str, declared: str | None) -> None:
    """An accent, a disguise or a special blank in an English text is UTF-8, whatever is declared."""
    assert decode_page(text.encode(), declared=declared).text == text


@pytest.mark.parametrize(
    "text", ["目录", "id,name\n1,目录\n", "原始\n" * 8, "id\n" + "小说,电影\n小说,x\n" * 9]
)
def test_chinese_that_is_utf_8_by_chance_is_read_as_words(text: str) -> None:
    """GBK whose bytes happen to be valid UTF-8 is GBK if only that makes words, in many equal rows too."""
    assert decode_page(text.encode("gbk")).text == text


@pytest.mark.parametrize(
    "body",
    ['{"title": "目录 Ŀ¼"}', '[["Ŀ¼ Ŀ¼"]]', '<?xml version="1.0"?><t>Ŀ¼ Ŀ¼</t>', "<rss><t>Ŀ¼</t></rss>"],
)
def test_json_and_xml_are_utf_8(body: str) -> None:
    """JSON, and XML that names no encoding, is UTF-8 if it is valid, whatever its words look like."""
    assert decode_page(body.encode()).text == body


def test_xml_is_in_the_encoding_that_it_names() -> None:
    """XML that names GBK may be GBK though its bytes are valid UTF-8."""
    body = '<?xml version="1.0" encoding="gbk"?><t>目录</t>'

    assert decode_page(body.encode("gbk")).text == body


@pytest.mark.parametrize(
    "text", ["订单 55740da7\n", "订单 55740da7 青渡\n", "id,类型\n" + "1,订单,55740da1\n" * 20]
)
def test_a_short_line_of_gbk_is_gbk(text: str) -> None:
    """Two Chinese words in GBK are neither Big5 nor Korean."""
    assert decode_page(text.encode("gbk")).text == text


@pytest.mark.parametrize("text", ["PERSECUCIÓN en CREACIÓN db\n", "Índia 2 GB\n", "REGIÃO full dump\n"])
def test_capitals_in_cp1252_are_western(text: str) -> None:
    """An accented capital in a word of Latin letters is neither a Russian nor a Chinese character."""
    assert decode_page(text.encode("cp1252")).text == text


@pytest.mark.parametrize("text", ["НЕМЕЦКИЕ КЛИЕНТЫ", "sure it Critical СОВЕТОВ", "ЗАЯВИЛ"])
@pytest.mark.parametrize("charset", ["cp1251", "koi8-r"])
def test_russian_capitals_tell_the_two_charsets(text: str, charset: str) -> None:
    """Capitals are told by how frequent they are: the other charset makes rare small letters of them."""
    assert decode_page(text.encode(charset)).text == text


@pytest.mark.parametrize("text", ["διοικητικό μόνο\n", "אין ומשם פרחים\n", "दी हो चालू\n", "شمال پایه زن\n"])
@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_one_line_of_another_script_in_utf_16(text: str, charset: str) -> None:
    """UTF-16 without a mark and with few spaces is known by first bytes that are all alike."""
    assert decode_page(text.encode(charset)).text == text


@given(st.binary(max_size=400), st.sampled_from([None, "utf-8", "gb2312", "utf-16", "utf-7", "hex"]))
def test_any_bytes_are_taken(body: bytes, declared: str | None) -> None:
    """No bytes raise an error, and the score is between 0 and 1."""
    assert 0 <= decode_page(body, declared=declared).score <= 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=12, max_size=200))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    """Declared UTF-8 is decoded as it was written, apart from a byte order mark."""
    assert decode_page(text.encode(), declared="utf-8").text == text.removeprefix("\ufeff")


@given(
    st.lists(st.sampled_from(sorted({word for text in TEXTS.values() for word in text.split()})), max_size=6),
    st.sampled_from([*(charset for _, charset in CHARSETS), "utf-16-le", "cp1250"]),
    st.binary(max_size=4),
    st.sampled_from([[], ["gb18030"], ["cp1252"], ["cp1254"], ["utf-8"]]),
)
def test_stopping_early_does_not_change_the_choice(
    words: list[str], charset: str, noise: bytes, names: list[str]
) -> None:
    """Scoring every candidate in full gives the same charset, the same score and the same confidence."""
    body = " ".join(words).encode(charset, "ignore") + noise
    scores = {each.codec: each.score for each in _candidates(body, names)}
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]

    found, score, confident = _best_candidate(body, names)

    assert (found, score) == (best, round(max(0.0, min(1.0, scores[best])), 3))
    assert scores[best] - scores[second] >= CLEAR_MARGIN or not confident
