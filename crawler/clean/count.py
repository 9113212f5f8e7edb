"""The number of records that a seller claims: `1.2M`, `1,200,000 records`, `100万条`, `120w`, `500k lines`.

Rules, in order:
1. Numbers of records (lines, users, 条, ...) are claims. If there are none, numbers with a magnitude (k, M,
   万, ...) are. If there are none either, a text that consists of one number is.
2. A single claim is the count. Several different claims, a range, a fraction of a record, and separators with
   two readings (`1.200M`) are ambiguous: None. Sizes in bytes, shares, prices and dates are not claims.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from crawler.clean.price import decimal

#: A claim is in a title or a field, not deep in a text.
MAX_COUNT_CHARS = 2_000
#: A larger claim is a phone number or a joke.
MAX_COUNT = 10**12

_MAGNITUDES = {
    word: value
    for value, words in (
        (
            10**3,
            "k к thousand tausend tsd mille mila bin тыс тысяч тысячи тысяча тис тисяч тисячі tys tysięcy",
        ),
        (10**3, "ribu nghìn ngàn"),
        (10**4, "w"),
        (10**5, "lakh lakhs"),
        (10**6, "kk кк m mm mil mln mio million millions millionen millón millon millones milhão milhões"),
        (10**6, "milhoes milione milioni milion miliona miliony milionów milyon juta triệu млн миллион"),
        (10**6, "миллиона миллионов мільйон мільйона мільйони мільйонів"),
        (10**7, "crore crores"),
        (10**9, "b bn billion mrd milliarden milliards bilhões млрд миллиард миллиарда миллиардов"),
    )
    for word in words.split()
}
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2}
_SMALL = {"十": 10, "百": 100, "千": 1_000, "仟": 1_000}
_LARGE = {"万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8}
_HAN = "".join(_DIGITS | _SMALL | _LARGE)
_ROMANCE_UNITS = "|".join(
    (
        "registros?|líneas|lineas|linhas|usuari[oa]s|usuári[oa]s|clientes|cuentas|contas|personas|pessoas|filas",
        "contactos|contatos",
    )
)
_TURKISH_UNITS = "kayıt|kayit|satır|satir|kullanıcı|kullanici|müşteri|musteri|kişi"
_UNITS = "|".join(
    (
        "records?|recs?|rows?|lines?|users?|accounts?|accs?|entries|entry|customers?|clients?|people|persons?",
        "contacts?|e-?mails?|phones?|leads?|members?|profiles?|logs?|cards?|passports?|citizens?|students?|combos?",
        "записей|записи|строк|строки|человек|пользователей|клиентов|аккаунтов|контактов|карт",
        "записів|записи|рядків|користувачів|клієнтів|осіб",
        _ROMANCE_UNITS,
        "datensätze|zeilen|einträge|nutzer|benutzer|kunden|konten|personen|kundendaten",
        "enregistrements|lignes|utilisateurs|comptes|personnes|entrées",
        "righe|utenti|clienti|persone|record|wierszy|rekordów|użytkowników|klientów|osób",
        _TURKISH_UNITS,
        "dòng|khách hàng|tài khoản|bản ghi|baris|akun|pengguna",
        "سجلات|سجل|مستخدم|عميل|رکورد|کاربر|건|명|행|件|人分",
        "条|條|行|人|位|个|個|名|户|戶|组|組|份",
    )
)
#: A letter of the alphabets that magnitudes and units are written in. Chinese units follow without a space.
_LETTER = "[a-zà-žа-яіїєґ]"
_WORDS = "|".join(sorted(_MAGNITUDES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<han>(?:\d[\d.,]*|[{_HAN}])[\d.{_HAN}]*[{''.join(_SMALL | _LARGE)}])(?P<rest>\d?)"
    rf"|(?P<number>\d(?:[\d,.'’]|[ \u202f](?=\d{{3}}(?!\d)))*)"
    rf"(?: ?(?P<word>{_WORDS})(?!{_LETTER})(?:\.(?= ))?)?"
)
#: `1_000_000` and not a part of a name.
_UNDERSCORED = re.compile(r"(?<!\w)\d{1,3}(?:_\d{3})+(?!\w)")
_HAN_TOKEN = re.compile(rf"\d[\d.,]*|[{_HAN}]")
_RANGE_BEFORE = re.compile(
    rf"(?P<first>\d[\d.,'’]*) ?(?P<word>[a-z{_HAN}]{{0,3}})(?P<space> ?)(?:[-–—~]|to|到|至) ?$"
)
#: "2026 - 41k rows" is a year and a count. A range that begins there would end within the century.
_YEAR = re.compile(r"(?:19|20)\d\d")
_AFTER_YEAR = 2_100
_NO_CLAIM_BEFORE = re.compile(
    r"(?:[a-z$€£¥₽#_./:=-]|\d[-/.:])\Z"
)  # not "$", which is also before a line break
_NO_CLAIM_AFTER = re.compile(
    r" ?(?:[gmkt]?i?b(?:ytes?)?(?![a-z])|[%$€£¥₽元年月日号点円원₩₺₫₴₹:/-]"
    r"|(?:usdt?|eur|btc|xmr|eth|rmb|cny|dollars?|euros?|rub|руб[а-я]*|uah|грн|гривень|долл[а-я]*|tl|try|zł|pln|idr|vnd|đồng|inr|krw|brl"
    r"|reais)(?![a-zа-я]))"
)
_BETWEEN = r"\+? ?[多余餘]?(?:(?!for |and )[a-z]{2,12} ){0,2}"
_UNIT_AFTER = re.compile(rf"{_BETWEEN}(?:{_UNITS})(?!{_LETTER})")
#: Words that mean a thousand before the units of one language. "2 mil records" are two million, as "mil" is
#: slang for a million in English, and "400 bin" is no count at all, as a BIN is the number of a bank.
_THOUSAND_BEFORE = {
    "mil": re.compile(rf"{_BETWEEN}(?:{_ROMANCE_UNITS})(?!{_LETTER})"),
    "bin": re.compile(rf"{_BETWEEN}(?:{_TURKISH_UNITS})(?!{_LETTER})"),
}
_UNIT_BEFORE = re.compile(rf"(?:{_UNITS}|数量|总数|条数|count|total) ?[:=] ?[~≈]?$")
_ONLY_A_NUMBER = re.compile(r"[\s~≈约+]*")


@dataclass(frozen=True, slots=True)
class _Claim:
    """`rank`: 2 for a number of records, 1 for one with a magnitude, else 0. `value` None: two readings."""

    rank: int
    value: int | None
    text: str


def claimed_count(text: str) -> int | None:
    """Return the number of records that `text` claims; None if there is no claim, or two readings."""
    plain = _ascii_digits(unicodedata.normalize("NFKC", text[:MAX_COUNT_CHARS]).casefold())
    plain = _UNDERSCORED.sub(lambda hit: hit[0].replace("_", ""), plain)
    claims = list(_claims(plain))
    best = max((claim.rank for claim in claims), default=0)
    if best == 0 and (len(claims) != 1 or not _ONLY_A_NUMBER.fullmatch(plain.replace(claims[0].text, "", 1))):
        return None
    values = {claim.value for claim in claims if claim.rank == best}
    return values.pop() if len(values) == 1 else None


def _ascii_digits(text: str) -> str:
    """Return a text with the digits of all scripts (`١٢٠`) as those of ASCII."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(each)) if each.isdecimal() else each for each in text)


def _claims(plain: str) -> Iterator[_Claim]:
    for hit in _NUMBER.finditer(plain):
        before, after = plain[max(0, hit.start() - 24) : hit.start()], plain[hit.end() : hit.end() + 48]
        local = _THOUSAND_BEFORE.get(hit["word"] or "")
        thousand = local is not None and local.match(after) is not None
        if hit["word"] == "bin" and not thousand:
            continue
        unit = bool(_UNIT_AFTER.match(after) or _UNIT_BEFORE.search(before))
        if _ends_range(before, hit):
            yield _Claim(2 if unit else 1, None, hit[0])
        elif not _NO_CLAIM_BEFORE.search(before) and not _NO_CLAIM_AFTER.match(after):
            # "2b" in a title may be two billion or two bytes; there is no half of a byte.
            whole_bytes = hit["word"] == "b" and "." not in hit["number"] and "," not in hit["number"]
            value = _claimed_value(hit, thousand=thousand) if unit or not whole_bytes else None
            yield _Claim(2 if unit else int(bool(hit["han"] or hit["word"])), value, hit[0])


def _ends_range(before: str, hit: re.Match[str]) -> bool:
    """Return whether a number is the second one of a range."""
    first = _RANGE_BEFORE.search(before)
    if first is None:
        return False
    if first["word"] or not _YEAR.fullmatch(first["first"]):
        return True
    value = _claimed_value(hit)
    # "2000 - 5000 rows" is a range of rows, "2026-41k" is not.
    return value is None or value < 10 * _AFTER_YEAR


def _claimed_value(hit: re.Match[str], *, thousand: bool = False) -> int | None:
    word = "k" if thousand else hit["word"]
    value = _han_number(hit["han"]) if hit["han"] else _western_number(hit["number"], word)
    whole = value is not None and value == value.to_integral_value() and 0 < value <= MAX_COUNT
    return int(value) if value is not None and whole and not hit["rest"] else None


def _western_number(number: str, word: str | None) -> Decimal | None:
    value = decimal(number)
    if word is None or value is None:
        return value
    # "1.200M" means 1,200 million to some people and 1.2 million to others.
    two_readings = re.search(r"[.,]\d{3}\b", number)
    return None if two_readings else value * _MAGNITUDES[word]


def _han_number(text: str) -> Decimal | None:
    """Read `3千万`, `1.5亿`, `1亿2000万`, `二十五万`; return None for "百万", which means "very many"."""
    total = section = Decimal(0)
    number: Decimal | None = None
    if text[0] in _LARGE or (text[0] in _SMALL and text[0] != "十"):
        return None
    for token in _HAN_TOKEN.findall(text):
        if token in _SMALL:
            section, number = section + (Decimal(1) if number is None else number) * _SMALL[token], None
        elif token in _LARGE:
            total, section, number = total + (section + (number or 0)) * _LARGE[token], Decimal(0), None
        else:
            number = Decimal(_DIGITS[token]) if token in _DIGITS else decimal(token)
            if number is None:
                return None
    return total + section
