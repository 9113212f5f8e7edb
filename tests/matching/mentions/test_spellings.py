"""Spellings: one form of a name is enough, and ordinary text has none of them."""

import idna
import pytest

from matching.mentions.terms import Terms, WatchTerm


def found(term: str, text: str, kind: str = "name", exclude: tuple[str, ...] = ()) -> list[str]:
    """Return the parts of the text that are mentions of the term."""
    mentions = Terms.build([WatchTerm(1, 1, term, kind, exclude)]).find(text)
    return [text[mention.start : mention.end] for mention in mentions]


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("Norvapay Consumer Bank", "norvapay_consumer_bank.sql", "norvapay_consumer_bank"),
        ("Norvapay Consumer Bank", "NorvapayConsumerBank.zip", "NorvapayConsumerBank"),
        ("Norvapay Consumer Bank", "www.norvapay-consumer-bank.example", "norvapay-consumer-bank"),
        ("Norvapay Consumer Bank", "norvapay.consumer.bank.rar", "norvapay.consumer.bank"),
        ("Norvapay Consumer Bank", "norvapayconsumerbank.example", "norvapayconsumerbank"),
        ("Norvapay Consumer Bank", "NORVAPAY_CONSUMER_BANK", "NORVAPAY_CONSUMER_BANK"),
        ("Norvapay Consumer Bank", "NorvapayConsumerBankUsers2024.csv", "NorvapayConsumerBank"),
        ("Norvapay Consumer Bank", "n0rvapay_consumer_bank", "n0rvapay_consumer_bank"),
        ("Norvapay Consumer Bank", "Norvapay Con-\nsumer Bank", "Norvapay Con-\nsumer Bank"),
        ("Quil-Marsh", "quil marsh", "quil marsh"),
        ("Quil-Marsh", "QuilMarsh.zip", "QuilMarsh"),
        ("Quil-Marsh", "of Quil-\nMarsh", "Quil-\nMarsh"),
        ("O'Kestrel Finance", "okestrel_finance", "okestrel_finance"),
        ("O'Kestrel Finance", "O Kestrel Finance", "O Kestrel Finance"),
        ("St. Mary Bank", "st_mary_bank", "st_mary_bank"),
        ("Сбер Онлайн", "сбер_онлайн.zip", "сбер_онлайн"),
        ("Booking.com", "booking_com.csv", "booking_com"),
        ("Norvapay Consumer Bank", "norvapay__consumer__bank.sql", "norvapay__consumer__bank"),
        ("Norvapay Consumer Bank", "Norvapay® Consumer Bank", "Norvapay® Consumer Bank"),
        ("Norvapay Bank", "**Norvapay** Bank", "Norvapay** Bank"),
        ("O'Kestrel Finance", r"('O\'Kestrel Finance', 3)", r"O\'Kestrel Finance"),
        ("O'Kestrel Finance", "('O''Kestrel Finance', 3)", "O''Kestrel Finance"),
        ("St Aldhelm Bank", "St. Aldhelm Bank", "St. Aldhelm Bank"),
        ("A.L.V. Finanz", "ALV Finanz", "ALV Finanz"),
        ("Zorblatt Inc.", "Zorblatt Inc leak", "Zorblatt Inc"),
        ("„Zlatohrad“", "banka Zlatohrad", "Zlatohrad"),
        ("Harlow and Finch", "Harlow & Finch", "Harlow & Finch"),
        ("Norvapay Bank", "> of Norvapay\n> Bank", "Norvapay\n> Bank"),
        ("Norvapay Bank", "// of Norvapay\r\n  // Bank", "Norvapay\r\n  // Bank"),
        ("榆岭小贷", "> 本人长期出售一手榆岭\n> 小贷客户数据", "榆岭\n> 小贷"),
        ("Norvapay", "MyNorvapayApp.apk", "Norvapay"),
        ("Norvapay", "v2Norvapay.csv", "Norvapay"),
        ("Norvapay", "NORVAPAYusers.csv", "NORVAPAY"),
        ("KZB", "KZBclients.xlsx", "KZB"),
        ("Norvapay Bank", "N.O.R.V.A.P.A.Y. B.A.N.K.", "N.O.R.V.A.P.A.Y. B.A.N.K"),
        ("Norvapay", "N O R V A P A Y   B A N K", "N O R V A P A Y"),
        ("Norvapay", "n—o—r—v—a—p—a—y", "n—o—r—v—a—p—a—y"),
        ("Norvapay", "n→o→r→v→a→p→a→y", "n→o→r→v→a→p→a→y"),
        ("Зельбанк", "З е л ь б а н к", "З е л ь б а н к"),
        ("榆岭小贷", "榆丨岭丨小丨贷", "榆丨岭丨小丨贷"),
        ("榆岭小贷", "榆、岭、小、贷", "榆、岭、小、贷"),
        ("T-Mobile", "T Mobile", "T Mobile"),
        ("U.S. Quil Bank", "U. S. Quil Bank", "U. S. Quil Bank"),
        ("Kwik!Cash", "kwik cash loans", "kwik cash"),
        ("Kwik!Cash", "kwik!cash", "kwik!cash"),
        ("Norva!", "of norva users", "norva"),
        ("T-Mobile", "tmobile.csv", "tmobile"),
        ("Area51Bank", "area_51_bank.sql", "area_51_bank"),
        ("24Rentals", "24-rentals", "24-rentals"),
        ("Ярилобанк", "%DF%F0%E8%EB%EE%E1%E0%ED%EA", "%DF%F0%E8%EB%EE%E1%E0%ED%EA"),
        ("晴川小贷", r"\xc7\xe7\xb4\xa8\xd0\xa1\xb4\xfb", r"\xc7\xe7\xb4\xa8\xd0\xa1\xb4\xfb"),
    ],
)
def test_words_are_joined_as_files_and_hosts_join_them(term: str, text: str, mention: str) -> None:
    """The words of a name may have other separators, or capitals in place of them."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Ember Trust", "an ember. Trust nobody"),
        ("Ember Trust", "ember, trust"),
        ("Ember Trust", "embertrustee"),
        ("Ember Trust", "members trust"),
        ("Ember Trust", "an ember.Trust nobody"),
        ("Ember Trust", "an ember; trust"),
        ("Ember Trust", "Ember: Trust"),
        ("Ember Trust", "ember - trust"),
        ("Every Day", "everyday use"),
        ("Orin", "JavaScriptOrinoco.js"),
        ("Orin", "for in x"),
        ("Orin", "forInRange"),
        ("sold", "is old"),
        ("E-Plus", "vitamin e plus"),
        ("qudian", "qu dian"),
        ("qudian", "qu-dian"),
        ("Der Herz", "der, Herz"),
        ("Сбер Онлайн", "сбер. Онлайн"),
        ("Ember Trust", "the ember — Trust nobody"),
        ("Ember Trust", "the ember > trust"),
        ("Ember Trust", "if (ember > trust) { ember // trust"),
        ("Der Herz", "so kam der. Herz ist"),
        ("Abel", "a, b, e, l"),
        ("T-Mobile", "don't mobile phones"),
        ("T-Mobile", "can’t mobile"),
        ("E-Plus", "eplus"),
        ("Now!", "now and then"),
        ("Kwik!Cash", "a kwik. Cash only"),
        ("OP", r"\top \bot"),
        ("EE", r"\nee"),
        ("3", "¾ of it, ③"),
        ("榆岭", "白榆、岭南"),
        ("Foot", "the foot-\nbridge"),
        ("Norvapay", "NORVAPAYusers are here"),
        ("Norvapay", "v2norvapay.csvx"),
        ("Norvapay Bank", "n o r v a p a y and bank"),
    ],
)
def test_other_words_in_a_row_are_no_name(term: str, text: str) -> None:
    """Sentences, lists and longer words only have the letters of a name."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("V&K Telco", "V & K Telco", "V & K Telco"),
        ("V&K Telco", "v_k_telco", "v_k_telco"),
        ("V&K Telco", "VK Telco", "VK Telco"),
        ("V&K Telco", "V and K Telco", "V and K Telco"),
        ("H&M", "H & M", "H & M"),
        ("H&M", "H &M", "H &M"),
        ("H&M", "H and M", "H and M"),
        ("榆禾Pay", "出售 榆禾 pay 数据", "榆禾 pay"),
        ("榆禾 Pay", "榆禾Pay用户", "榆禾Pay"),
        ("58同城", "58 同城", "58 同城"),
    ],
)
def test_signs_and_scripts_may_have_blanks(term: str, text: str, mention: str) -> None:
    """Blanks around & and between Han and Latin are a matter of taste."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("榆禾Pay", "榆禾 payroll 和榆禾paypoint"),
        ("H&M", "hm ok h m h_m"),
        ("58同城", "158 同城"),
    ],
)
def test_blanks_make_no_name_of_other_words(term: str, text: str) -> None:
    """Longer words and single letters beside one another are no name."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("qudian", "QudianUsers2024.csv", "Qudian"),
        ("qudian", "qudianLeak.sql", "qudian"),
        ("qudian", "LeakQudian.zip", "Qudian"),
        ("qudian", "QUDIANUsers.csv", "QUDIAN"),
        ("Ally", "AllyUsers.csv", "Ally"),
        ("SAP", "SAPData_2024.zip", "SAP"),
        ("qudian", "users2024qudian.zip", "qudian"),
        ("qudian", "qudian500k", "qudian"),
        ("qudian", "Qudian🇨🇳 base", "Qudian"),
        ("qudian", "Qudian™ base", "Qudian"),
    ],
)
def test_capitals_and_numbers_are_borders(term: str, text: str, mention: str) -> None:
    """A name ends at a capital or at a number of three digits, in names of files."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Orin", "dorinBank.zip"),
        ("Orin", "MajorInterest.pdf"),
        ("Orin", "OrInBank"),
        ("Orin", "Orinoco"),
        ("Gap", "getGapSize"),
        ("Post", "postMessage()"),
        ("Union", "types.UnionType"),
        ("Target", "EventTarget.addEventListener"),
        ("Set Up", "def setUp(self)"),
        ("User Name", "User.name == 1"),
        ("O'Key", "o_key = 1"),
        ("Chase", "theChaseIsOn"),
        ("Ally", "reallyBig"),
        ("qudian", "qudian2x"),
        ("qudian", "myqudianUsers"),
    ],
)
def test_words_with_capitals_are_no_names(term: str, text: str) -> None:
    """A word that only begins or ends like the name is another word."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("qudian", "base Q-U-D-I-A-N fresh", "Q-U-D-I-A-N"),
        ("qudian", "base q*u*d*i*a*n fresh", "q*u*d*i*a*n"),
        ("qudian", "base q u d i a n fresh", "q u d i a n"),
        ("qudian", "base q u d 1 a n fresh", "q u d 1 a n"),
        ("qudian", "base q.u.d.i.a.n fresh", "q.u.d.i.a.n"),
        ("qudian", "base q🔥u🔥d🔥i🔥a🔥n fresh", "q🔥u🔥d🔥i🔥a🔥n"),
        ("qudian", "base q - u - d - i - a - n fresh", "q - u - d - i - a - n"),
        ("趣店", "出售趣*店数据", "趣*店"),
        ("趣店", "出售趣_店数据", "趣_店"),
        ("趣店", "出售趣🔥店数据", "趣🔥店"),
        ("趣店", "出售 趣 店 数据", "趣 店"),
        ("榆岭小贷", "出售榆.岭.小.贷数据", "榆.岭.小.贷"),
        ("Ember Trust", "E m b e r T r u s t", "E m b e r T r u s t"),
    ],
)
def test_letters_may_stand_apart(term: str, text: str, mention: str) -> None:
    """The same separator between all letters of a name hides it from nobody."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Abcor", "Take a b c or nothing"),
        ("Abcd", "x a b c d e f"),
        ("abcd", "a, b. c d"),
        ("SAP", "s a p"),
        ("趣店", "有趣 店铺"),
        ("趣店", "有趣，店"),
        ("趣店", "兴趣/店面"),
        ("趣店", "有趣.店"),
        ("趣店", "中/趣/店/面"),
    ],
)
def test_single_letters_of_a_text_are_no_name(term: str, text: str) -> None:
    """Lists of letters, longer rows of letters and the ends of two words are no name."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("榆岭小贷", "长期出售榆岭\n小贷客户", "榆岭\n小贷"),
        ("趣店", "本人长期出售一手最新的学生贷款用户数据来源于趣\n店平台", "趣\n店"),
        ("Kelbridge", "data of Kel-\r\nbridge", "Kel-\r\nbridge"),
    ],
)
def test_a_line_may_end_inside_a_name(term: str, text: str, mention: str) -> None:
    """A Han name goes on in the next line, and a Latin word behind a hyphen."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("趣店", "乐趣\n店铺"),
        ("Bridge", "the old draw-\nbridge"),
        ("Bridge", "THE DRAW-\nBRIDGE"),
        ("Kelbridge", "Kel -\n\nbridge"),
        ("Kelbridge", "kel\nbridge"),
        ("Lime", "Sub-\r\nlime"),
    ],
)
def test_two_lines_are_no_name(term: str, text: str) -> None:
    """Half a divided word is no name, nor are the ends of two short lines."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "phrase", "text"),
    [
        ("Brimholt", "Brimholt Road", "14 Br1mholt Road"),
        ("Brimholt", "Brimholt Road", "Brimholt R0ad"),
        ("Brimholt", "Brimholt Road", "brimholt_road.jpg"),
        ("Brimholt", "Brimholt Road", "BrimholtRoad"),
        ("Brimholt", "Brimholt Road", "BRIMHOLT\nROAD"),
        ("Kelbridge", "kelbridge.example.net", "see kelbridge[.]example[.]net"),
        ("Kelbridge", "kelbridge.example.net", "see kelbridge dot example dot net"),
        ("国泰", "国泰民安", "國 泰 民 安"),
        ("国泰", "国泰民安", "国泰民\n安"),
    ],
)
def test_an_exclusion_holds_in_every_disguise(term: str, phrase: str, text: str) -> None:
    """A phrase is excluded in all spellings, swaps and defanged forms in which a term is found."""
    assert found(term, text, exclude=(phrase,)) == []


def test_an_exclusion_takes_no_other_mention() -> None:
    """A name beside a disguised phrase is a mention."""
    assert found("Brimholt", "Br1mholt Road. Brimholt!", exclude=("Brimholt Road",)) == ["Brimholt"]


@pytest.mark.parametrize("domain", ["krähenfeld-bank.example", "趣店.example"])
def test_a_domain_is_found_in_punycode_and_out_of_it(domain: str) -> None:
    """Either form of an internationalised domain finds both."""
    punycode = idna.encode(domain).decode()

    assert found(domain, f"https://www.{punycode}/login", "domain") == [punycode]
    assert found(punycode, f"https://{domain}/login", "domain") == [domain]


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("skarholt_example_users.sql", True),
        ("skarholt.example-users.csv", True),
        ("skarholt_example_users", False),
        ("skarholt.example-users.test", False),
        ("skarholt.example-login.csv.test", False),
        ("skarholt example.sql", False),
    ],
)
def test_a_file_is_named_after_a_domain(text: str, is_named: bool) -> None:
    """Underscores stand for the dots of a domain in the name of a file, and a hyphen may follow it there."""
    assert bool(found("skarholt.example", text, "domain")) == is_named
