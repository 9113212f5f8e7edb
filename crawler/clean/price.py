"""Prices and their currencies, as sellers write them: `$1,200.50`, `1.200,50 €`, `售价 500 USDT`, `2万元`.

Rules, in order:
1. The first number directly beside a currency is the price.
2. Otherwise, if the source names its currency, the only number in the text is the price.
3. Anything else, such as "free" or "negotiable", is not read as a price.

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
            "TRY": "₺",
            "VND": "₫",
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
    "k": 1_000, "千": 1_000, "thousand": 1_000, "тыс": 1_000, "w": 10_000, "万": 10_000, "萬": 10_000,
    "m": 1_000_000, "mln": 1_000_000, "million": 1_000_000, "млн": 1_000_000, "亿": 100_000_000,
}  # fmt: skip


# These are English words in lower case: only in capitals are they currencies.
_CAPITALS_ONLY = "TRY|TON|SOL|DASH"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LETTER = "[a-zA-Zа-яА-Я]"
_NUMBER = r"(?<![\d.,])\d(?:[\d.,']|[ \u202f](?=\d{3}(?!\d)))*"
_AMOUNT = rf"(?P<number>{_NUMBER}) ?(?P<magnitude>(?:{_alternatives(_MAGNITUDES)})(?!{_LETTER}))?"
_SIGNS = f"(?-i:{_CAPITALS_ONLY})|{_alternatives(_WORDS.keys() - set(_CAPITALS_ONLY.lower().split('|')))}"
_AFTER = re.compile(rf"{_AMOUNT} {{0,2}}(?P<currency>{_SIGNS})(?!{_LETTER})", re.IGNORECASE)
_BEFORE = re.compile(rf"(?<!{_LETTER})(?P<currency>(?!u\b)(?:{_SIGNS}))[ :]{{0,2}}{_AMOUNT}", re.IGNORECASE)
_ALONE = re.compile(_AMOUNT, re.IGNORECASE)
_GROUPED = re.compile(
    r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+)(?:[.,](?P<fraction>\d+))?"
)
_PLAIN = re.compile(r"(?P<whole>\d+)(?:[.,](?P<fraction>\d+))?")


def price(text: str, *, currency: str | None = None) -> ParsedPrice | None:
    """Return the price in `text`, else None; `currency` is the source's own, for prices without one."""
    # NFKC turns full-width digits and signs (１２００ ￥ ＄) and no-break spaces into plain ones.
    plain = unicodedata.normalize("NFKC", text[:MAX_PRICE_CHARS])
    found = [hit for hit in (_AFTER.search(plain), _BEFORE.search(plain)) if hit]
    if found:
        # "$5 USDT": both hits have the same number, and the longer word is more specific than the sign.
        hit = min(found, key=lambda hit: (hit.start("number"), -len(hit["currency"])))
        return _price_of(hit, _currency_code(hit["currency"].casefold(), currency))
    alone = list(_ALONE.finditer(plain))
    return _price_of(alone[0], currency) if currency and len(alone) == 1 else None


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
    digits = re.sub(r"[ \u202f']", "", number).rstrip(".,")
    thousandths = not dot_groups and digits.count(".") == 1 and "," not in digits
    read = (None if thousandths else _GROUPED.fullmatch(digits)) or _PLAIN.fullmatch(digits)
    if read is None:
        return None
    return Decimal(re.sub(r"\D", "", read["whole"]) + "." + (read["fraction"] or "0"))
