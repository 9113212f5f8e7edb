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
    "text", ["free", "", "€", "negotiable", "1.2.3 $", "call 5 people", "try 5 times", "1,00,0 €"]
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
