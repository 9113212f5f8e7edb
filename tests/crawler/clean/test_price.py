"""Prices as sellers write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.clean import price
from crawler.clean.price import COINS, MAX_PRICE_CHARS
from crawler.listing import ParsedPrice


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("$1,200.50", "1200.50", "USD"),
        ("1.200,50 €", "1200.50", "EUR"),
        ("1'200.00 CHF", "1200", "CHF"),
        ("1\u2019200 CHF", "1200", "CHF"),
        ("₹1,20,000", "120000", "INR"),
        ("15к руб", "15000", "RUB"),
        ("2.500 TL", "2500", "TRY"),
        ("Rp 150.000", "150000", "IDR"),
        ("Rp 2 juta", "2000000", "IDR"),
        ("500.000đ", "500000", "VND"),
        ("5만원", "50000", "KRW"),
        ("S/ 350", "350", "PEN"),
        ("MX$350", "350", "MXN"),
        ("1 200 000 руб", "1200000", "RUB"),
        ("¥3000", "3000", "CNY"),
        ("3000元", "3000", "CNY"),
        ("2万元", "20000", "CNY"),
        ("１２００元", "1200", "CNY"),
        ("￥ 88", "88", "CNY"),
        ("0.5 BTC", "0.5", "BTC"),
        ("0.005 btc", "0.005", "BTC"),
        ("1.250 BTC", "1.25", "BTC"),
        ("1.200 €", "1200", "EUR"),
        ("售价 500 USDT", "500", "USDT"),
        ("500u", "500", "USDT"),
        ("US$ 300", "300", "USD"),
        ("HK$ 30", "30", "HKD"),
        ("1k$", "1000", "USD"),
        ("$1.5k", "1500", "USD"),
        ("Price: 2 XMR", "2", "XMR"),
        ("$5 USDT", "5", "USDT"),
        ("$500 (0.02 BTC)", "500", "USD"),
        ("1.2M records for $500", "500", "USD"),
        ("CN¥3,000.00", "3000", "CNY"),
    ],
)
def test_a_price_and_its_currency_are_read(text: str, amount: str, currency: str) -> None:
    """The number beside a currency is the price, whatever the separators, the script and the order."""
    assert price(text) == ParsedPrice(Decimal(amount), currency)


@pytest.mark.parametrize(
    "text", ["free", "", "€", "negotiable", "1.2.3 $", "call 5 people", "try 5 times", "1,00,0 €", "1380 RP"]
)
def test_what_is_no_price_is_none(text: str) -> None:
    """Words, signs without a number and numbers with wrong separators give no price."""
    assert price(text) is None


@pytest.mark.parametrize(
    ("text", "own", "currency"),
    [
        ("$9", "AUD", "AUD"),
        ("¥900", "JPY", "JPY"),
        ("$9", "CNY", "USD"),
        ("900", "EUR", "EUR"),
        ("9 kr", "DKK", "DKK"),
    ],
)
def test_a_source_s_currency_decides_what_a_sign_means(text: str, own: str, currency: str) -> None:
    """A sign that several currencies share means the source's own currency, if it is among them."""
    read = price(text, currency=own)

    assert read is not None
    assert read.currency == currency


def test_two_numbers_without_a_currency_are_no_price() -> None:
    """The source's currency only helps if the text holds one number."""
    assert price("12 of 500", currency="USD") is None


def test_a_price_far_inside_a_text_is_not_looked_for() -> None:
    """A price field's text is short; the rest is ignored."""
    assert price("x" * MAX_PRICE_CHARS + "$5") is None


@given(st.text(max_size=600))
def test_any_text_is_taken(text: str) -> None:
    """No text raises, and every result is a positive amount of a known currency."""
    read = price(text, currency="USD")

    assert read is None or (read.amount >= 0 and (len(read.currency) == 3 or read.currency in COINS))


@given(
    st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False),
    st.sampled_from(["USD", "EUR", "CNY", "GBP"]),
)
def test_what_was_written_is_read_back(amount: Decimal, currency: str) -> None:
    """An amount with grouped thousands and two decimals is read back."""
    assert price(f"{amount:,.2f} {currency}") == ParsedPrice(amount, currency)


@pytest.mark.parametrize(
    "text",
    [
        "1e309 USD",
        "-$50",
        "$-50",
        "−50 €",
        "$ -50",
        "0.5 – 0.7 BTC",
        "0.5-0.7 BTC",
        "$50-$70",
        "$50 - $70",
        "50-70 USD",
        "$50-70",
        "from 50 to 70 USD",
        "50~70元",
        "50–70 €",
        "50..70 USD",
        "¥1,2 BTC",
        "$500 BTC",
        "€5 USD",
        "5e3 USD",
        "$1e5",
        "0x10 USD",
        "$50/70",
        "$100 to $200",
        "500 USD - 700 USD",
        "500-700",
        "1.2.3 USD",
        "100 or 200 USD",
        "от 50 до 70 руб",
        "50-70k USD",
        "1k-2k USD",
        "$1k-$2k",
        "￥100~200",
        "500USD-700USD",
        "($50-$70)",
        "USD -50",
        "USD 50 - 70",
        "-0.5 BTC",
        "$50 – 70",
    ],
)
def test_a_number_that_is_not_the_whole_price_is_no_price(text: str) -> None:
    """Ranges, amounts below zero, parts of other numbers, and two currencies give nothing."""
    assert (price(text), price(text, currency="USD")) == (None, None)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1,200.50", "1200.5"),
        ("Price - $50", "50"),
        ("Price: $50", "50"),
        ("VIP-$50", "50"),
        ("Acme 2024 - $500", "500"),
        ("Acme 2024 - 500 USD", "500"),
        ("2 GB - $500", "500"),
        ("$500 - 40k rows", "500"),
        ("$500 - 2026 dump", "500"),
        ("$5 USDT", "5"),
        ("500 USD $", "500"),
        ("1,2 BTC", "1.2"),
        ("$500, 2 GB", "500"),
        ("$500 (BTC/XMR)", "500"),
        ("$2bn", "2000000000"),
        ("$5kk", "5000000"),
        ("2万元", "20000"),
        ("1.250 BTC", "1.25"),
        ("售价 500 USDT", "500"),
        ("500€", "500"),
        ("US$ 40", "40"),
        ("$500 and 2 samples", "500"),
        ("$40 / 2 days", "40"),
        ("price 50$ each", "50"),
        ("[50$]", "50"),
        ("$500 per 1000", "500"),
        ("2026-03-01 $50", "50"),
        ("$50 2026-03-01", "50"),
        ("$50, 100 accounts", "50"),
        ("$50 for 100", "50"),
    ],
)
def test_a_dash_or_another_number_nearby_makes_no_range(text: str, amount: str) -> None:
    """A price behind a dash, a year or a size, and before a number of rows, is read."""
    read = price(text)

    assert read is not None
    assert read.amount == Decimal(amount)
