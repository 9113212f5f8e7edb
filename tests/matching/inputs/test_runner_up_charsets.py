"""Charsets that are doubtful: names are looked for in the runner-ups too, and each counts once."""

import pytest

from matching.comparing.block import match_block
from matching.comparing.lookup import Comparison
from matching.mentions.terms import Terms, WatchTerm
from tests.matching.inputs.reading import one

NAMES = (
    "Рядовский", "Вірний банк", "Grünmärk", "Crédit Orvène", "Żukowo Kredyt", "Şimşekli", "Αλφάριος",
    "בנק נורית", "بنك سلوان", "ธนาคารวารี", "Šilutės", "霧島信託", "江禾贷",
)  # fmt: skip


def found(data: bytes, names: tuple[str, ...] = NAMES) -> list[tuple[str, int]]:
    """Return the names that a file mentions, each with its line."""
    terms = Terms.build([WatchTerm(number, 1, name, "name") for number, name in enumerate(names)])
    read = one(data)
    matches = [
        match_block(block, Comparison(()), terms, format=read.format, region="DE", limit=9)
        for block in read.blocks
    ]
    return [(names[each.term_id], each.line) for match in matches for each in match.mentions]


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("cp866", "Рядовский", "Продаю базу Рядовский банк, свежая"),
        ("cp866", "Рядовский", "Рядовский"),
        ("iso8859-5", "Рядовский", "Продаю базу Рядовский банк"),
        ("mac-cyrillic", "Рядовский", "Продаю базу клиентов Рядовский банк"),
        ("koi8-r", "Рядовский", "ПРОДАЮ РЯДОВСКИЙ БАЗА"),
        ("koi8-u", "Вірний банк", "Продам базу Вірний банк, є зразок"),
        ("cp850", "Grünmärk", "Kunden der Grünmärk Sparbank"),
        ("mac-roman", "Crédit Orvène", "fichier clients Crédit Orvène"),
        ("cp1250", "Żukowo Kredyt", "Baza klientów Żukowo Kredyt świeża"),
        ("iso8859-2", "Żukowo Kredyt", "Baza klientów Żukowo Kredyt świeża"),
        ("cp1254", "Şimşekli", "Şimşekli Bankası müşteri verileri"),
        ("cp1253", "Αλφάριος", "Πωλείται βάση πελατών Αλφάριος"),
        ("cp1255", "בנק נורית", "מאגר לקוחות בנק נורית למכירה"),
        ("cp1256", "بنك سلوان", "قاعدة بيانات عملاء بنك سلوان للبيع"),
        ("cp874", "ธนาคารวารี", "ขายข้อมูลลูกค้าธนาคารวารี"),
        ("cp1257", "Šilutės", "Šilutės bankas duomenys ąčęė"),
        ("euc_jp", "霧島信託", "霧島信託"),
        ("gbk", "江禾贷", "江禾贷"),
        ("iso2022_jp", "霧島信託", "霧島信託の名簿"),
        ("utf-32-le", "Рядовский", "Рядовский банк"),
        ("utf-32-be", "江禾贷", "出售 江禾贷"),
    ],
)
def test_a_name_is_found_in_the_charset_that_it_was_written_in(charset: str, name: str, text: str) -> None:
    """A few words do not tell which charset they are in. The name does, and it counts once."""
    data = f"id;note\n7;{text}\n8;none\n".encode(charset)

    assert found(data) == [(name, 2)]


def test_a_name_that_all_charsets_write_alike_counts_once() -> None:
    """The letters of ASCII are read in each charset, and a name in them is one mention."""
    data = "Grunmark Söhne\nGrünmärk\nGrünmärk\n".encode("cp1252")

    assert found(data, ("Grünmark",)) == [("Grünmark", 1), ("Grünmark", 2), ("Grünmark", 3)]


def test_an_answer_says_which_charsets_were_tried() -> None:
    """Who reads the answer sees that the charset is doubtful; text that is certain has no runner-ups."""
    doubtful, certain = one("Şimşekli Bankası\n".encode("cp1254")), one("Şimşekli Bankası\n".encode())

    assert "cp1254" in doubtful.blocks[0].runner_ups
    assert "cp1254" in doubtful.ending.sentence
    assert certain.blocks[0].runner_ups == ()
    assert "doubtful" not in certain.ending.sentence


ORDINARY = {
    "cp1252": "Größe der Datei: zwölf Gigabyte. Échantillon envoyé, prix très intéressant. El niño pagó.",
    "cp1250": "Żółta łódź płynie przez jezioro, a ja piszę książkę. Příliš žluťoučký kůň úpěl.",
    "cp1251": "Съешь ещё этих мягких французских булок, да выпей чаю. ПРОДАЖА 5 № 3",
    "koi8-r": "Съешь ещё этих мягких французских булок, да выпей чаю. ПРОДАЖА",
    "gbk": "今天天气很好",
    "cp932": "ﾃｽﾄ 表示",
    "cp949": "오늘은 날씨",
}


@pytest.mark.parametrize("charset", ORDINARY)
def test_ordinary_text_in_another_charset_is_no_name(charset: str) -> None:
    """Words that are read in the wrong charset have no name of letters, however short it is."""
    names = (
        "EE",
        "BT",
        "O2",
        "ING",
        "Gap",
        "SAP",
        "Ally",
        "ICBC",
        "Ñora",
        "Мир",
        "Пот",
        "移动",
        "三星",
        "中通",
    )

    assert found(ORDINARY[charset].encode(charset), names) == []


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        ("utf-8", "gbk", ("日志 开始 登录", "客户 江禾贷 数据")),
        ("gbk", "utf-8", ("出售数据库全部", "客户 江禾贷 资料")),
        ("utf-8", "cp1251", ("база данных", "банк Рядовский продажа")),
        ("cp1251", "utf-8", ("база данных клиентов", "банк Рядовский")),
        ("cp1252", "utf-8", ("café à côté", "Kunden Grünmärk")),
        ("utf-8", "cp1252", ("Zürich ist schön", "Kunden Grünmärk")),
    ],
)
@pytest.mark.parametrize("count", [3, 200])
def test_lines_of_another_charset_are_read(
    first: str, second: str, lines: tuple[str, str], count: int
) -> None:
    """A list that was pasted together from two charsets is read line by line."""
    before, name = lines
    data = f"{before}\n".encode(first) * count + f"{name}\n".encode(second) + f"{before}\n".encode(first)

    assert [line for _, line in found(data)] == [count + 1]
    assert one(data).text.decode().split("\n") == [*[before] * count, name, before, ""]


def test_a_broken_character_does_not_make_its_line_another_charset() -> None:
    """A damaged byte in a line of UTF-8 is one broken character; the rest of the line stays."""
    line = "база данных клиентов".encode()
    read = one(b"\n".join([line] * 9 + [line[:5] + b"\xff" + line[6:]]) + b"\n")

    assert read.text.decode().count("данных клиентов") == 10
    assert read.ending.broken >= 1
