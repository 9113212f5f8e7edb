"""Payment cards: issuers' prefixes and the Luhn check digit."""

from collections.abc import Container
from functools import cache

CARD_LENGTHS = range(13, 20)

# Ranges of issuer prefixes (ISO/IEC 7812), and the lengths of their cards.
ISSUERS: list[tuple[str, str, Container[int]]] = [
    ("4", "4", {13, 16, 19}),
    ("51", "55", {16}),
    ("2221", "2720", {16}),
    ("34", "34", {15}),
    ("37", "37", {15}),
    ("300", "305", {14, 16}),
    ("36", "36", {14, 16, 19}),
    ("38", "39", {14, 16, 19}),
    ("3528", "3589", range(16, 20)),
    ("2200", "2204", range(16, 20)),
    ("9558", "9559", {16, 18, 19}),
    ("9792", "9792", {16}),
    ("50", "50", range(13, 20)),
    ("56", "69", range(13, 20)),
    ("81", "82", range(16, 20)),
]
_PREFIX = 4  # digits in the longest issuer prefix
_DOUBLED = str.maketrans("0123456789", "0246813579")  # the double of each digit, its digits summed


def card(value: str, _region: str = "") -> str | None:
    """Return the digits, if they are 13 to 19, of a known issuer, and pass the Luhn check."""
    digits = value.replace(" ", "").replace("-", "")
    if not (len(digits) in CARD_LENGTHS and digits.isascii() and digits.isdigit()):
        return None
    return digits if has_issuer(digits) and luhn(digits) else None


def has_issuer(digits: str) -> bool:
    """Return whether an issuer has cards with this prefix and length."""
    return len(digits) in _lengths(digits[:_PREFIX])


@cache
def _lengths(prefix: str) -> frozenset[int]:
    """Return the lengths of the cards that begin with these four digits."""
    issued = [lengths for first, last, lengths in ISSUERS if first <= prefix[: len(first)] <= last]
    return frozenset(length for length in CARD_LENGTHS for lengths in issued if length in lengths)


def luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    return total % 10 == 0
