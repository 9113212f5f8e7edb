"""Prices and their currencies, as sellers write them: `$1,200.50`, `1.200,50 €`, `售价 500 USDT`, `2万元`.

Rules, in order:
1. The first number directly beside a currency is the price.
2. Otherwise, if the source names its currency, the only number in the text is the price.
3. Anything else, such as "free" or "negotiable", is not read as a price.
4. Neither is a number that is not the whole price: the end of a range (`50-70 USD`), an amount below zero
   (`-$50`), a part of another number (`1e309`), or a number between two currencies (`¥1,2 BTC`).

`¥` is the yuan and `$` the US dollar, unless the source's own currency shares the sign. A single dot before
three digits groups thousands (`1.200 €`), but not for coins, which are sold in thousandths (`1.250 BTC`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from crawler.listing import ParsedPrice

#: A price field's text is short; a number further in is not its price.
MAX_PRICE_CHARS = 500
#: A larger amount is a telephone number or a trick.
MAX_AMOUNT = Decimal(10) ** 12

COINS = frozenset(
    ["BTC", "XMR", "ETH", "LTC", "USDT", "USDC", "TRX", "DOGE", "BCH", "BNB", "SOL", "DASH", "ZEC", "TON"]
)
_DOLLARS = frozenset(["USD", "AUD", "CAD", "NZD", "HKD", "SGD", "TWD", "MXN"])
_CODES = (
    "USD EUR GBP CNY JPY RUB UAH KRW INR TRY CHF SEK NOK DKK ISK PLN CZK HUF RON BGN ILS AED SAR QAR KWD ZAR",
    "NGN EGP KES BRL ARS CLP COP PEN MXN CAD AUD NZD HKD TWD SGD MYR THB IDR VND PHP PKR BDT LKR KZT UZS GEL",
    "AMD AZN BYN",
)
# From the written word to its codes: the first one, unless the source's own currency is among the others.
_WORDS: dict[str, tuple[str, ...]] = {
    **{code.lower(): (code,) for code in (*" ".join(_CODES).split(), *COINS)},
    **{
        word: tuple(codes.split())
        for codes, words in {
            "USD AUD CAD NZD HKD SGD TWD MXN": "$",
            "CNY JPY": "¥",
            "CNY TWD HKD": "元",
            "SEK NOK DKK ISK": "kr",
            "USD": "us$ u$s usd$ dollars dollar bucks 美元 美金 刀",
            "EUR": "€ euros euro 欧元",
            "GBP": "£ pounds 英镑",
            "CNY": "cn¥ rmb yuan 块钱 块 人民币",
            "JPY": "円 日元 yen",
            "HKD": "hk$ 港币 港元",
            "TWD": "nt$ 台币 新台币",
            "RUB": "₽ руб рублей р.",
            "UAH": "₴ грн",
            "INR": "₹ rs. rs",
            "AUD": "a$ au$",
            "CAD": "c$ ca$",
            "SGD": "s$",
            "NZD": "nz$",
            "BRL": "r$",
            "KRW": "₩ 원",
            "TRY": "₺ tl",
            "VND": "₫ đ",
            "IDR": "rp rp.",
            "PEN": "s/",
            "MXN": "mx$",
            "PHP": "₱",
            "THB": "฿",
            "ILS": "₪",
            "KZT": "₸",
            "PLN": "zł",
            "CZK": "kč",
            "BTC": "₿ bitcoin bitcoins 比特币",
            "XMR": "monero 门罗币 门罗",
            "ETH": "ethereum 以太坊",
            "LTC": "litecoin 莱特币",
            "USDT": "tether 泰达币 u",
        }.items()
        for word in words.split()
    },
}
_MAGNITUDES = {
    "kk": 1_000_000, "b": 10**9, "bn": 10**9, "billion": 10**9, "млрд": 10**9, "mio": 1_000_000,
    "k": 1_000, "к": 1_000, "кк": 1_000_000, "ribu": 1_000, "rb": 1_000, "juta": 1_000_000, "jt": 1_000_000,
    "만": 10_000, "억": 100_000_000, "千": 1_000, "thousand": 1_000, "тыс": 1_000, "w": 10_000, "万": 10_000,
    "萬": 10_000,
    "m": 1_000_000, "mln": 1_000_000, "million": 1_000_000, "млн": 1_000_000, "亿": 100_000_000,
}  # fmt: skip


# These are English words in lower case: only in capitals are they currencies.
_CAPITALS_ONLY = "TRY|TON|SOL|DASH"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LETTER = "[a-zA-Zа-яА-Я]"
_NUMBER = r"(?<![\d.,])\d(?:[\d.,'’]|(?<=\d)[ \u202f](?=\d{3}(?!\d)))*"
_AMOUNT = rf"(?P<number>{_NUMBER}) ?(?P<magnitude>(?:{_alternatives(_MAGNITUDES)})(?!{_LETTER}))?"
_SIGNS = f"(?-i:{_CAPITALS_ONLY})|{_alternatives(_WORDS.keys() - set(_CAPITALS_ONLY.lower().split('|')))}"
# "1380 RP" are points of a game: rupiah stand before their number.
_AFTER = re.compile(rf"{_AMOUNT} {{0,2}}(?P<currency>(?!rp\b)(?:{_SIGNS}))(?!{_LETTER})", re.IGNORECASE)
_BEFORE = re.compile(rf"(?<!{_LETTER})(?P<currency>(?!u\b)(?:{_SIGNS}))[ :]{{0,2}}{_AMOUNT}", re.IGNORECASE)
#: Codes that may stand on the other side of a number, beside a sign that only says "dollars": `$5 USDT`.
_DOLLAR_COINS = frozenset(["USDT", "USDC"])
_DASH = "[-\u2010-\u2015\u2212~\u301c]"
_TO = f"(?:{_DASH}|/|\\.{{2,3}}|\u2026|to|till|until|bis|до|到|至|or|and|oder|или)"
_UNTIL = frozenset(["to", "till", "until", "bis", "до", "到", "至"])
#: What stands before the second number of a range: the first one.
_FROM = re.compile(
    rf"(?P<first>(?<![\w.,])[\d.,'’]*\d)(?: ?(?:{_alternatives(_MAGNITUDES)}))?(?: ?(?P<currency>{_SIGNS}))?"
    rf"(?P<space> {{0,2}}){_TO} {{0,2}}$",
    re.IGNORECASE,
)
#: What stands behind the first number of a range: the second one.
_UP_TO = re.compile(
    rf"(?P<space> {{0,2}})(?P<to>{_TO}) {{0,2}}(?P<sign>{_SIGNS})? ?\d[\d.,'’]*"
    rf"(?: ?(?:{_alternatives(_MAGNITUDES)})(?!{_LETTER}))?"
    rf"(?P<end> {{0,2}}(?:{_SIGNS})(?!{_LETTER})| *$| *[,;)\n])?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d{2}")
#: `-$50`, `$-50`: a dash that nothing parts from the amount, and that parts no words.
_MINUS = re.compile(rf"(?<![\w)]){_DASH}$")
#: The number goes on: `5e3`, `0x10`, `7h`; or is the second half of such a number.
_GOES_ON = re.compile(r"[a-z]\d", re.IGNORECASE)
_PART_BEFORE = re.compile(r"\d[a-z][+-]?$", re.IGNORECASE)
_ALONE = re.compile(_AMOUNT, re.IGNORECASE)
_GROUPED = re.compile(
    r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}|[1-9]\d{0,2}(?:\.\d{3})+)(?:[.,](?P<fraction>\d+))?"
)
_PLAIN = re.compile(r"(?P<whole>\d+)(?:[.,](?P<fraction>\d+))?")


def price(text: str, *, currency: str | None = None) -> ParsedPrice | None:
    """Return the price in `text`, else None; `currency` is the source's own, for prices without one."""
    # NFKC turns full-width digits and signs (１２００ ￥ ＄) and no-break spaces into plain ones.
    plain = unicodedata.normalize("NFKC", text[:MAX_PRICE_CHARS])
    after, before = _AFTER.search(plain), _BEFORE.search(plain)
    if after and before and after.span("currency") == before.span("currency"):
        # "2026-03-01 $50": the sign belongs to the number that it touches.
        touches = before.end("currency") == before.start("number")
        after = None if touches and after.end("number") != after.start("currency") else after
    found = [hit for hit in (after, before) if hit]
    if found:
        # "$5 USDT": both hits have the same number, and the longer word is more specific than the sign.
        hit = min(found, key=lambda hit: (hit.start("number"), -len(hit["currency"])))
        code = _currency_code(hit["currency"].casefold(), currency)
        codes = {each["currency"].casefold() for each in found if each.span("number") == hit.span("number")}
        if not _is_whole_price(plain, hit) or not all(_agrees(word, code) for word in codes):
            return None
        return _price_of(hit, code)
    alone = list(_ALONE.finditer(plain))
    if not currency or len(alone) != 1 or not _is_whole_price(plain, alone[0]):
        return None
    return _price_of(alone[0], currency)


def _agrees(word: str, code: str) -> bool:
    """Return whether a word beside a number can mean the currency that the other side of it names."""
    return code in _WORDS[word] or (code in _DOLLAR_COINS and "USD" in _WORDS[word])


def _is_whole_price(text: str, hit: re.Match[str]) -> bool:
    """Return whether a number is neither part of a range or of another number, nor below zero."""
    before, after = text[: hit.start()], text[len(text[: hit.end()].rstrip()) :]
    number_before, number_after = text[: hit.start("number")], text[hit.end("number") :]
    part = _PART_BEFORE.search(number_before) or _GOES_ON.match(number_after)
    minus = _MINUS.search(before) or _MINUS.search(number_before)
    return not (part or minus or _is_second(before, hit) or _is_first(after))


def _is_second(before: str, hit: re.Match[str]) -> bool:
    """Return whether another number before this one makes it the end of a range."""
    first = _FROM.search(before)
    if first is None:
        return False
    # "Base 2024 - $500" is no range, and neither is "2024 - 500 USD".
    own = hit.groupdict().get("currency")
    signed_before = own is not None and hit.start("currency") < hit.start("number")
    spaced = bool(first["space"]) and first["currency"] is None
    return not (spaced and (signed_before or _YEAR.fullmatch(first["first"])))


def _is_first(after: str) -> bool:
    """Return whether another number behind this one makes it the beginning of a range."""
    up_to = _UP_TO.match(after)
    if up_to is None:
        return False
    # "$500 - 40k rows" is no range; "$50-70 each" is.
    joined = not up_to["space"] and re.fullmatch(_DASH, up_to["to"]) is not None
    return bool(joined or up_to["sign"] or up_to["end"] is not None or up_to["to"].lower() in _UNTIL)


def _currency_code(word: str, own: str | None) -> str:
    return own if own in _WORDS[word] else _WORDS[word][0]


def _price_of(hit: re.Match[str], currency: str) -> ParsedPrice | None:
    number = decimal(hit["number"], dot_groups=currency not in COINS)
    if number is None:
        return None
    amount = number * _MAGNITUDES.get((hit["magnitude"] or "").casefold(), 1)
    amount = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount.normalize()
    return ParsedPrice(amount, currency) if amount <= MAX_AMOUNT else None


def decimal(number: str, *, dot_groups: bool = True) -> Decimal | None:
    """Return the value of digits with separators; None if they are not a number (`1.2.3`).

    `dot_groups`: whether a single dot before three digits groups thousands, as a comma always does.
    """
    digits = re.sub(r"[ \u202f'’]", "", number).rstrip(".,")
    thousandths = not dot_groups and digits.count(".") == 1 and "," not in digits
    read = (None if thousandths else _GROUPED.fullmatch(digits)) or _PLAIN.fullmatch(digits)
    if read is None:
        return None
    return Decimal(re.sub(r"\D", "", read["whole"]) + "." + (read["fraction"] or "0"))
